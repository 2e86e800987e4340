// Runs tasks one after the other, all or those in `only`, and prints what each came to, as one JSON object.

export async function tell(version, tasks, described, only = []) {
  const told = { version };
  for (const name of only.length ? only : Object.keys(tasks)) {
    try {
      told[name] = { value: await tasks[name]() };
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
