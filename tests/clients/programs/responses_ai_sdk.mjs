// What the tests ask of `ai` with `@ai-sdk/openai`: `node responses_ai_sdk.mjs ORIGIN KEY OFFLINE [TASK …]`.

import { createRequire } from "node:module";
import { createOpenAI } from "@ai-sdk/openai";
import {
  APICallError,
  convertToModelMessages,
  generateText,
  isStepCount,
  readUIMessageStream,
  streamText,
  tool,
} from "ai";
import { z } from "zod";
import { tell } from "./outcomes.mjs";

const [origin, apiKey, offlineOrigin, ...only] = process.argv.slice(2);
const version = createRequire(import.meta.url)("@ai-sdk/openai/package.json").version;
const openai = createOpenAI({ baseURL: `${origin}/v1`, apiKey });
const stranger = createOpenAI({ baseURL: `${origin}/v1`, apiKey: "wrong-key" });
const offline = createOpenAI({ baseURL: `${offlineOrigin}/v1`, apiKey: "any" });
// One of its warnings says that pictures are not sent back where nothing is stored.
globalThis.AI_SDK_LOG_WARNINGS = false;

const images = { image_generation: openai.tools.imageGeneration({ outputFormat: "png" }) };
const weather = {
  get_weather: tool({
    description: "The weather at a place.",
    inputSchema: z.object({ place: z.string() }),
    execute: async () => "21 degrees",
  }),
};

// Of the results of one call the last counts: those before it are partial pictures.
function drawn(results) {
  const found = new Map();
  for (const { toolName, toolCallId, output } of results)
    if (toolName === "image_generation") found.set(toolCallId, output.result);
  return [...found.values()].filter(Boolean);
}

const told = (steps) => ({
  text: steps.at(-1).text,
  said: steps.map((step) => step.text).filter(Boolean),
  pictures: steps.flatMap((step) => drawn(step.toolResults)),
  calls: steps.flatMap((step) =>
    step.toolCalls.filter((call) => !call.providerExecuted).map((call) => [call.toolName, call.input]),
  ),
  finish: steps.at(-1).finishReason,
  tokens: steps.reduce((sum, step) => sum + step.usage.totalTokens, 0),
});

const asked = (model, more = {}) => ({ model, stopWhen: isStepCount(3), maxRetries: 0, ...more });

const whole = async (model, more = {}) =>
  told((await generateText(asked(model, { prompt: "Go on", ...more }))).steps);

async function streamed(model, more = {}) {
  const deltas = [];
  const stream = streamText(asked(model, { prompt: "Go on", onError: () => {}, ...more }));
  for await (const part of stream.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") deltas.push(part.text);
  }
  return { ...told(await stream.steps), deltas };
}

async function twice(model, openaiOptions) {
  const options = { tools: images, providerOptions: { openai: openaiOptions } };
  const messages = [{ role: "user", content: "Draw a fox" }];
  const first = await generateText(asked(model, { messages, ...options }));
  messages.push(...first.response.messages, { role: "user", content: "Show it again" });
  const second = await generateText(asked(model, { messages, ...options }));
  return { first: told(first.steps), second: told(second.steps) };
}

// As a page keeps a conversation: in messages of its own, which are converted for each request.
async function inPage(model, texts) {
  const messages = [];
  const turns = [];
  for (const text of texts) {
    messages.push({ id: String(messages.length), role: "user", parts: [{ type: "text", text }] });
    const history = await convertToModelMessages(messages, { tools: images });
    const stream = streamText(asked(model, { messages: history, tools: images }));
    let answer;
    for await (const message of readUIMessageStream({ stream: stream.toUIMessageStream() })) answer = message;
    messages.push(answer);
    turns.push(told(await stream.steps));
  }
  return { first: turns[0], second: turns[1] };
}

const mixed = { tools: { ...images, ...weather }, prompt: "Show me the weather" };
const unstored = { providerOptions: { openai: { store: false } } };

const tasks = {
  plain_whole: () => whole(openai("words")),
  plain_streamed: () => streamed(openai("words")),
  native_whole: () => whole(openai("illustrator"), { tools: images }),
  native_streamed: () => streamed(openai("illustrator"), { tools: images }),
  alias_whole: () => whole(openai("illustrator:illustrated")),
  refused_whole: () => whole(openai("refuser"), { tools: images }),
  refused_streamed: () => streamed(openai("refuser"), { tools: images }),
  partial_streamed: async () => {
    const tools = { image_generation: offline.tools.imageGeneration({ partialImages: 2 }) };
    const stream = streamText(asked(offline("openai/gpt-5-mini"), { prompt: "Draw a fox", tools }));
    const seen = [];
    for await (const part of stream.fullStream) {
      if (part.type === "error") throw part.error;
      if (part.type === "tool-result") seen.push([part.toolCallId, part.output.result]);
    }
    const partials = seen
      .filter(([id], index) => seen.slice(index + 1).some(([later]) => later === id))
      .map(([id, result], index, all) => [id, all.slice(0, index).filter(([earlier]) => earlier === id).length, result]);
    return { partials, pictures: Object.fromEntries(seen) };
  },
  turns_replayed: () => twice(openai("recaller"), {}),
  turns_not_stored: () => twice(openai("recaller"), { store: false }),
  turns_in_a_page: () => inPage(openai("recaller"), ["Draw a fox", "Show it again"]),
  turns_chained: async () => {
    const first = await generateText(asked(openai("recaller"), { tools: images, prompt: "Draw a fox" }));
    const { responseId: previousResponseId } = first.providerMetadata.openai;
    const more = { tools: images, prompt: "Show it again", providerOptions: { openai: { previousResponseId } } };
    return { first: told(first.steps), second: told((await generateText(asked(openai("recaller"), more))).steps) };
  },
  mixed_whole: () => whole(openai("mixer"), mixed),
  mixed_streamed: () => streamed(openai("mixer"), mixed),
  mixed_not_stored: () => whole(openai("mixer"), { ...mixed, ...unstored }),
  allowed: () => {
    const allowedTools = { toolNames: ["image_generation"], mode: "auto" };
    return whole(openai("mixer"), { ...mixed, providerOptions: { openai: { allowedTools } } });
  },
  forced: () => {
    const toolChoice = { type: "tool", toolName: "image_generation" };
    return whole(openai("illustrator"), { tools: images, toolChoice });
  },
  forbidden: () => whole(openai("mixer"), { ...mixed, toolChoice: "none" }),
  wrong_key: () => whole(stranger("words")),
  unknown_model: () => whole(openai("elsewhere/none")),
  unknown_response: () =>
    whole(openai("words"), { providerOptions: { openai: { previousResponseId: "resp_that_never_was" } } }),
  broken_whole: () => whole(openai("breaker"), { tools: images }),
  broken_streamed: () => streamed(openai("breaker"), { tools: images }),
  broken_without_tool: () => streamed(openai("breaker")),
};

await tell(version, tasks, (error) => {
  if (APICallError.isInstance(error)) {
    return { type: error.name, status: error.statusCode, code: error.data?.error?.code ?? null };
  }
  return { type: error.name ?? typeof error, status: null, code: error.code ?? String(error) };
}, only);
