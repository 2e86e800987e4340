// What the tests ask of `responses` of the npm package `openai`: `node responses_openai.mjs ORIGIN KEY OFFLINE [TASK …]`.

import OpenAI from "openai";
import { VERSION } from "openai/version";
import { IMAGES, tell } from "./outcomes.mjs";

const [origin, apiKey, offlineOrigin, ...only] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey });
const stranger = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "wrong-key" });
const offline = new OpenAI({ baseURL: `${offlineOrigin}/v1`, apiKey: "any" });
const NATIVE = { type: "image_generation" };
const WEATHER = {
  type: "function",
  name: "get_weather",
  parameters: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  },
  strict: true,
};

const said = (content) => ({ role: "user", content });
const ask = (model, input = "Go on", more = {}) => client.responses.create({ model, input, ...more });

function told(response) {
  const of = (type) => response.output.filter((item) => item.type === type);
  const images = [...of("image_generation_call"), ...of(IMAGES.type)];
  return {
    text: response.output_text,
    kinds: response.output.map((item) => item.type),
    states: images.map((item) => item.status),
    pictures: of("image_generation_call").map((item) => item.result).filter(Boolean),
    links: of(IMAGES.type).map((item) => item.imageUrl).filter(Boolean),
    calls: of("function_call").map((item) => [item.name, JSON.parse(item.arguments)]),
    finish: response.status,
    tokens: response.usage.total_tokens,
  };
}

const results = (response) =>
  response.output
    .filter((item) => item.type === "function_call")
    .map((item) => ({ type: "function_call_output", call_id: item.call_id, output: "21 degrees" }));

async function streamed(model, more = {}) {
  const events = [];
  const stream = await client.responses.create({ model, input: "Go on", stream: true, ...more });
  for await (const event of stream) events.push(event);
  const deltas = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
  const { response } = events.at(-1);
  // Only a response on the wire lacks `output_text`; the package adds it to whole ones.
  response.output_text ??= deltas.join("");
  return { ...told(response), deltas, events: events.map((event) => event.type) };
}

async function folded(model, more = {}) {
  const stream = client.responses.stream({ model, input: "Go on", ...more });
  for await (const event of stream) void event;
  return told(await stream.finalResponse());
}

async function twice(tools) {
  const asked = [said("Draw a fox")];
  const first = await ask("recaller", asked, { tools });
  const replayed = [...asked, ...first.output, said("Show it again")];
  return { first: told(first), second: told(await ask("recaller", replayed, { tools, store: false })) };
}

async function mixed(tools) {
  const items = [said("Show me the weather")];
  const first = await ask("mixer", items, { tools });
  const second = await ask("mixer", [...items, ...first.output, ...results(first)], { tools });
  return { first: told(first), second: told(second) };
}

const tasks = {
  plain_whole: async () => told(await ask("words")),
  plain_streamed: () => streamed("words"),
  plain_folded: () => folded("words"),
  native_whole: async () => told(await ask("illustrator", "Go on", { tools: [NATIVE] })),
  native_streamed: () => streamed("illustrator", { tools: [NATIVE] }),
  native_folded: () => folded("illustrator", { tools: [NATIVE] }),
  openrouter_whole: async () => told(await ask("illustrator", "Go on", { tools: [IMAGES] })),
  openrouter_streamed: () => streamed("illustrator", { tools: [IMAGES] }),
  openrouter_folded: () => folded("illustrator", { tools: [IMAGES] }),
  alias_whole: async () => told(await ask("illustrator:illustrated")),
  refused_whole: async () => told(await ask("refuser", "Go on", { tools: [NATIVE] })),
  refused_streamed: () => streamed("refuser", { tools: [NATIVE] }),
  partial_streamed: async () => {
    const tools = [{ type: "image_generation", partial_images: 2 }];
    const stream = offline.responses.stream({ model: "openai/gpt-5-mini", input: "Draw a fox", tools });
    const partials = [];
    for await (const event of stream) {
      if (event.type === "response.image_generation_call.partial_image")
        partials.push([event.item_id, event.partial_image_index, event.partial_image_b64]);
    }
    const items = (await stream.finalResponse()).output.filter((item) => item.type === "image_generation_call");
    return { partials, pictures: Object.fromEntries(items.map((item) => [item.id, item.result])) };
  },
  turns_native: () => twice([NATIVE]),
  turns_openrouter: () => twice([IMAGES]),
  turns_chained: async () => {
    const first = await ask("recaller", "Draw a fox", { tools: [NATIVE] });
    const more = { tools: [NATIVE], previous_response_id: first.id };
    return { first: told(first), second: told(await ask("recaller", "Show it again", more)) };
  },
  mixed_whole: () => mixed([NATIVE, WEATHER]),
  mixed_openrouter: () => mixed([IMAGES, WEATHER]),
  mixed_chained: async () => {
    const tools = [NATIVE, WEATHER];
    const first = await ask("mixer", "Show me the weather", { tools });
    const second = await ask("mixer", results(first), { tools, previous_response_id: first.id });
    return { first: told(first), second: told(second) };
  },
  allowed: async () => {
    const tool_choice = { type: "allowed_tools", mode: "auto", tools: [NATIVE] };
    return told(await ask("mixer", "Go on", { tools: [NATIVE, WEATHER], tool_choice }));
  },
  forced: async () => {
    const tool_choice = { type: "image_generation" };
    return told(await ask("illustrator", "Go on", { tools: [NATIVE], tool_choice }));
  },
  forbidden: async () => told(await ask("mixer", "Go on", { tools: [NATIVE, WEATHER], tool_choice: "none" })),
  wrong_key: () => stranger.responses.create({ model: "words", input: "Go on" }),
  unknown_model: () => ask("elsewhere/none"),
  unsupported: () => ask("words", "Go on", { api_base: "http://127.0.0.1:9" }),
  unknown_response: () => ask("words", "Go on", { previous_response_id: "resp_that_never_was" }),
  broken_whole: () => ask("breaker", "Go on", { tools: [NATIVE] }),
  broken_streamed: () => streamed("breaker", { tools: [NATIVE] }),
  broken_folded: () => folded("breaker", { tools: [NATIVE] }),
  broken_without_tool: () => streamed("breaker"),
};

await tell(VERSION, tasks, (error) => {
  if (!(error instanceof OpenAI.APIError)) throw error;
  return { type: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
}, only);
