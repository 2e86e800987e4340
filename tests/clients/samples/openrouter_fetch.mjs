const response = await fetch('https://openrouter.ai/api/v1/chat/completions', {
  method: 'POST',
  headers: {
    Authorization: 'Bearer <OPENROUTER_API_KEY>',
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    model: 'openai/gpt-4o',
    messages: [
      {
        role: 'user',
        content: '画一张夕阳下的未来城市'
      }
    ],
    tools: [
      { type: 'openrouter:image_generation' }
    ]
  }),
});

const data = await response.json();
console.log(data.choices[0].message.content);
