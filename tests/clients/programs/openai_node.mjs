// What the tests ask of the npm package `openai`: `node openai_node.mjs ORIGIN KEY`.

import OpenAI from "openai";
import { VERSION } from "openai/version";
import { IMAGES, WEATHER, tell } from "./outcomes.mjs";

const [origin, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey });
const stranger = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "wrong-key" });
const asked = [{ role: "user", content: "Go on" }];

const chat = (model, messages, more = {}) => client.chat.completions.create({ model, messages, ...more });

async function whole(model, more) {
  const answer = await chat(model, asked, more);
  const { message, finish_reason: finish } = answer.choices[0];
  return {
    text: message.content,
    files: (message.images ?? []).map((image) => image.image_url.url),
    calls: (message.tool_calls ?? []).map((call) => call.function.name),
    finish,
    tokens: answer.usage.total_tokens,
  };
}

async function streamed(model, more) {
  const told = { deltas: [], files: [], calls: [], finish: "", tokens: 0 };
  const stream = await chat(model, asked, { stream: true, stream_options: { include_usage: true }, ...more });
  for await (const chunk of stream) {
    told.tokens = chunk.usage?.total_tokens ?? told.tokens;
    for (const { delta, finish_reason: finish } of chunk.choices) {
      if (delta.content) told.deltas.push(delta.content);
      told.files.push(...(delta.images ?? []).map((image) => image.image_url.url));
      told.calls.push(...(delta.tool_calls ?? []).map((call) => call.function.name));
      told.finish += finish ?? "";
    }
  }
  return { ...told, text: told.deltas.join("") };
}

async function mixed(send) {
  const messages = [{ role: "user", content: "Show me the weather" }];
  const first = await send(messages);
  const calls = first.message.tool_calls;
  messages.push({ role: "assistant", content: first.message.content, tool_calls: calls });
  messages.push(...calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "21 degrees" })));
  const second = await send(messages);
  return {
    calls: calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
    finishes: [first.finish_reason, second.finish_reason],
    told: first.message.content,
    text: second.message.content,
  };
}

const tasks = {
  plain_whole: () => whole("words"),
  plain_streamed: () => streamed("words"),
  pictures_whole: () => whole("illustrator", { tools: [IMAGES] }),
  pictures_streamed: () => streamed("illustrator", { tools: [IMAGES] }),
  alias_whole: () => whole("illustrator:illustrated"),
  mixed_whole: () =>
    mixed(async (messages) => (await chat("mixer", messages, { tools: [IMAGES, WEATHER] })).choices[0]),
  // The package's own folding of a stream into a message.
  mixed_streamed: () =>
    mixed(async (messages) => {
      const stream = client.chat.completions.stream({ model: "mixer", messages, tools: [IMAGES, WEATHER] });
      return (await stream.finalChatCompletion()).choices[0];
    }),
  image_url: async () => {
    const answer = await client.images.generate({ model: "colours", prompt: "a fox", size: "1024x1024" });
    return { created: answer.created, url: answer.data[0].url, b64: answer.data[0].b64_json ?? null };
  },
  image_b64: async () => {
    const order = { model: "colours", prompt: "a fox", n: 2, response_format: "b64_json" };
    const answer = await client.images.generate(order);
    return { b64: answer.data.map((each) => each.b64_json), urls: answer.data.map((each) => each.url ?? null) };
  },
  models: async () => {
    const found = [];
    for await (const model of client.models.list()) found.push(model.id);
    return found;
  },
  wrong_key: () => stranger.chat.completions.create({ model: "words", messages: asked }),
  unknown_model: () => whole("elsewhere/none"),
  unsupported: () => whole("words", { api_base: "http://127.0.0.1:9" }),
  broken_whole: () => whole("breaker", { tools: [IMAGES] }),
  broken_streamed: () => streamed("breaker", { tools: [IMAGES] }),
  broken_passed_on: () => streamed("breaker"),
};

await tell(VERSION, tasks, (error) => {
  if (!(error instanceof OpenAI.APIError)) throw error;
  return { type: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
});
