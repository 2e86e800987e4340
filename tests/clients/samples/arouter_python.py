from openai import OpenAI
client = OpenAI(base_url="https://api.arouter.ai/v1", api_key="lr_live_xxxx")
response = client.images.generate(
model="openai/dall-e-3",
prompt="A futuristic city skyline at sunset, photorealistic",
n=1, size="1024x1024", quality="hd"
)
print(response.data[0].url)
