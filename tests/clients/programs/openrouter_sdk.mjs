// What the tests ask of `@openrouter/sdk`: `node openrouter_sdk.mjs ORIGIN KEY`.

import { OpenRouter } from "@openrouter/sdk";
import { OpenRouterError } from "@openrouter/sdk/models/errors";
import { SDK_METADATA } from "@openrouter/sdk/lib/config.js";
import { IMAGES, WEATHER, tell } from "./outcomes.mjs";

const [origin, apiKey] = process.argv.slice(2);
// By itself it asks again for an hour after each answer of 500 or more.
const client = new OpenRouter({ apiKey, serverURL: `${origin}/api/v1`, retryConfig: { strategy: "none" } });
const stranger = new OpenRouter({ apiKey: "wrong-key", serverURL: `${origin}/api/v1` });
const asked = [{ role: "user", content: "Go on" }];

const chat = (model, messages, more = {}) => client.chat.send({ chatRequest: { model, messages, ...more } });

async function whole(model, more) {
  const answer = await chat(model, asked, more);
  const { message, finishReason: finish } = answer.choices[0];
  return {
    text: message.content,
    files: (message.images ?? []).map((image) => image.imageUrl.url),
    calls: (message.toolCalls ?? []).map((call) => call.function.name),
    finish,
    tokens: answer.usage.totalTokens,
  };
}

async function streamed(model, more) {
  const told = { deltas: [], calls: [], finish: "", tokens: 0 };
  for await (const chunk of await chat(model, asked, { stream: true, ...more })) {
    if (chunk.error) throw Object.assign(new Error("error chunk"), { name: "ErrorChunk", chunk: chunk.error });
    told.tokens = chunk.usage?.totalTokens ?? told.tokens;
    for (const { delta, finishReason: finish } of chunk.choices) {
      if (delta.content) told.deltas.push(delta.content);
      told.calls.push(...(delta.toolCalls ?? []).map((call) => call.function.name));
      told.finish += finish ?? "";
    }
  }
  return { ...told, text: told.deltas.join("") };
}

const respond = (more) => client.beta.responses.send({ responsesRequest: { model: "illustrator", tools: [IMAGES], ...more } });

const responded = (answer) => ({
  status: answer.status,
  types: answer.output.map((item) => item.type),
  urls: answer.output.flatMap((item) => item.imageUrl ?? []),
  text: answer.output.at(-1).content.map((part) => part.text).join(""),
});

const tasks = {
  responses_whole: async () => responded(await respond({ input: "Go on" })),
  responses_streamed: async () => {
    const types = [];
    let last;
    for await (const event of await respond({ input: "Go on", stream: true })) {
      types.push(event.type);
      last = event.response ?? last;
    }
    return { ...responded(last), events: types };
  },
  responses_second: async () => {
    const first = await respond({ input: "Go on" });
    const input = [{ role: "user", content: "Go on" }, ...first.output, { role: "user", content: "And on" }];
    return responded(await respond({ input }));
  },
  plain_whole: () => whole("words"),
  plain_streamed: () => streamed("words"),
  pictures_whole: () => whole("illustrator", { tools: [IMAGES] }),
  pictures_streamed: () => streamed("illustrator", { tools: [IMAGES] }),
  alias_whole: () => whole("illustrator:illustrated"),
  mixed_whole: async () => {
    const messages = [{ role: "user", content: "Show me the weather" }];
    const first = (await chat("mixer", messages, { tools: [IMAGES, WEATHER] })).choices[0];
    const calls = first.message.toolCalls;
    messages.push({ role: "assistant", content: first.message.content, toolCalls: calls });
    messages.push(...calls.map((call) => ({ role: "tool", toolCallId: call.id, content: "21 degrees" })));
    const second = (await chat("mixer", messages, { tools: [IMAGES, WEATHER] })).choices[0];
    return {
      calls: calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      finishes: [first.finishReason, second.finishReason],
      told: first.message.content,
      text: second.message.content,
    };
  },
  image_b64: async () => {
    const order = { model: "colours", prompt: "a fox", n: 2 };
    const answer = await client.images.generate({ imageGenerationRequest: order });
    return { b64: answer.data.map((each) => each.b64Json), urls: answer.data.map((each) => each.url ?? null) };
  },
  models: async () => {
    const found = [];
    for await (const page of await client.models.list()) found.push(...page.result.data.map((each) => each.id));
    return found;
  },
  image_models: async () => (await client.images.listModels()).data.map((each) => each.id),
  wrong_key: () => stranger.chat.send({ chatRequest: { model: "words", messages: asked } }),
  unknown_model: () => whole("elsewhere/none"),
  unsupported: () => whole("words", { user: "someone", models: ["words", "others"] }),
  broken_whole: () => whole("breaker", { tools: [IMAGES] }),
  broken_streamed: () => streamed("breaker", { tools: [IMAGES] }),
  broken_passed_on: () => streamed("breaker"),
};

await tell(SDK_METADATA.sdkVersion, tasks, (error) => {
  if (error instanceof OpenRouterError) {
    const code = JSON.parse(error.body).error.metadata.code;
    return { type: error.name, status: error.statusCode, code };
  }
  return { type: error.name, status: null, code: error.chunk?.code ?? null };
});
