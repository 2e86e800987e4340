// Runs tasks one after the other and prints what each came to, as one JSON object.

export async function tell(version, tasks, described) {
  const told = { version };
  for (const [name, task] of Object.entries(tasks)) {
    try {
      told[name] = { value: await task() };
    } catch (error) {
      told[name] = { raised: described(error) };
    }
  }
  console.log(JSON.stringify(told));
}

export const IMAGES = { type: "openrouter:image_generation" };

export const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather at a place.",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
};
