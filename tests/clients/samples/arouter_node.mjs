import OpenAI from "openai";
const client = new OpenAI({ baseURL: "https://api.arouter.ai/v1", apiKey: "lr_live_xxxx" });
const response = await client.images.generate({
model: "openai/dall-e-3",
prompt: "A futuristic city skyline at sunset, photorealistic",
n: 1, size: "1024x1024", quality: "hd"
});
console.log(response.data[0].url);
