// What the tests ask of `ai` with `@openrouter/ai-sdk-provider`: `node ai_sdk.mjs ORIGIN KEY`.

import { createRequire } from "node:module";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { APICallError, generateImage, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { tell } from "./outcomes.mjs";

const [origin, apiKey] = process.argv.slice(2);
const version = createRequire(import.meta.url)("@openrouter/ai-sdk-provider/package.json").version;
const openrouter = createOpenRouter({ baseURL: `${origin}/api/v1`, apiKey });
const stranger = createOpenRouter({ baseURL: `${origin}/api/v1`, apiKey: "wrong-key" });

// The provider sends `args` beside `type`, not under `parameters`.
const images = {
  type: "provider",
  isProviderExecuted: true,
  id: "openrouter.image_generation",
  name: "image_generation",
  args: { outputFormat: "png" },
  inputSchema: z.object({}),
};
const asFiles = { ...images, args: { show: "images", urls: "data" } };
const weather = tool({
  description: "The weather at a place.",
  inputSchema: z.object({ place: z.string() }),
  execute: async () => "21 degrees",
});

async function whole(model, more = {}) {
  const answer = await generateText({ model, prompt: "Go on", ...more });
  return {
    text: answer.text,
    pictures: answer.files.map((file) => file.base64),
    mediaTypes: answer.files.map((file) => file.mediaType),
    calls: answer.toolCalls.map((call) => call.toolName),
    finish: answer.finishReason,
    tokens: answer.usage.totalTokens,
  };
}

async function streamed(model, more = {}) {
  const told = { deltas: [], pictures: [], mediaTypes: [], calls: [] };
  const stream = streamText({ model, prompt: "Go on", onError: () => {}, ...more });
  for await (const part of stream.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") told.deltas.push(part.text);
    if (part.type === "file") {
      told.pictures.push(part.file.base64);
      told.mediaTypes.push(part.file.mediaType);
    }
    if (part.type === "tool-call") told.calls.push(part.toolName);
  }
  const tokens = (await stream.usage).totalTokens;
  return { ...told, text: told.deltas.join(""), finish: await stream.finishReason, tokens };
}

const both = { tools: { image_generation: images, get_weather: weather }, stopWhen: isStepCount(3) };

const mixed = (steps, text) => ({
  calls: steps.flatMap((step) => step.toolCalls.map((call) => [call.toolName, call.input])),
  finishes: steps.map((step) => step.finishReason.replace("-", "_")),
  told: steps[0].text,
  text,
});

const tasks = {
  plain_whole: () => whole(openrouter.chat("words")),
  plain_streamed: () => streamed(openrouter.chat("words")),
  pictures_whole: () => whole(openrouter.chat("illustrator"), { tools: { image_generation: images } }),
  pictures_streamed: () => streamed(openrouter.chat("illustrator"), { tools: { image_generation: images } }),
  // The provider takes whatever stands in images[] for base64, so it has to be.
  files_whole: () => whole(openrouter.chat("illustrator"), { tools: { image_generation: asFiles } }),
  files_streamed: () => streamed(openrouter.chat("illustrator"), { tools: { image_generation: asFiles } }),
  alias_whole: () => whole(openrouter.chat("illustrator:illustrated")),
  mixed_whole: async () => {
    const answer = await generateText({ model: openrouter.chat("mixer"), prompt: "Show me the weather", ...both });
    return mixed(answer.steps, answer.text);
  },
  mixed_streamed: async () => {
    const stream = streamText({ model: openrouter.chat("mixer"), prompt: "Show me the weather", ...both });
    await stream.consumeStream({ onError: (error) => { throw error; } });
    return mixed(await stream.steps, await stream.text);
  },
  image_b64: async () => {
    const answer = await generateImage({ model: openrouter.imageModel("colours"), prompt: "a fox", n: 2 });
    return { b64: answer.images.map((each) => each.base64), urls: answer.images.map(() => null) };
  },
  wrong_key: () => whole(stranger.chat("words")),
  unknown_model: () => whole(openrouter.chat("elsewhere/none")),
  unsupported: () => whole(openrouter.chat("words", { extraBody: { api_base: "http://127.0.0.1:9" } })),
  broken_whole: () => whole(openrouter.chat("breaker"), { tools: { image_generation: images }, maxRetries: 0 }),
  broken_streamed: () => streamed(openrouter.chat("breaker"), { tools: { image_generation: images }, maxRetries: 0 }),
  broken_passed_on: () => streamed(openrouter.chat("breaker"), { maxRetries: 0 }),
};

await tell(version, tasks, (error) => {
  const last = error.lastError ?? error;
  if (APICallError.isInstance(last)) {
    const code = JSON.parse(last.responseBody ?? "null")?.error?.metadata?.code ?? null;
    return { type: last.name, status: last.statusCode, code };
  }
  return { type: last.name ?? typeof last, status: null, code: last.code ?? null };
});
