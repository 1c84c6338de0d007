// SPDX-License-Identifier: Apache-2.0
import { createRandom, exponential, type Random } from '@llm-d/determinism';
import { BYTES_PER_ESTIMATED_TOKEN } from '@llm-d/inference-api';
import { pseudoText } from './pseudo-text.ts';
import type {
  ChatMessage,
  Workload,
  WorkloadAnswer,
  WorkloadRequest,
  WorkloadRun,
} from './workload.ts';
import { createZipf } from './zipf.ts';

/** Parameters of {@link prefixGroupsWorkload}; lengths in tokens. */
export interface PrefixGroupsOptions {
  readonly seed: number;
  /** Requests per second in the mean, follow-up turns included, while the run is long beside a conversation; above 0. */
  readonly ratePerSecond: number;
  /** No request is intended at or after it. */
  readonly durationMs: number;
  /** Groups, each with a system prompt of its own. Default 64. */
  readonly groups?: number;
  /** How unequally groups are asked: the k-th one as often as 1/k^exponent; 0 is equally. Default 0.6. */
  readonly zipfExponent?: number;
  /** Length of a group's system prompt. Default 1024. */
  readonly systemTokens?: number;
  /** Turns of a conversation; at least 1. Default 4. */
  readonly turns?: number;
  /** Length of a question. Default 64. */
  readonly questionTokens?: number;
  /** Length of an answer. Default 64. */
  readonly outputTokens?: number;
  /** Mean time (exponential) between the end of an answer and the next turn. Default 5000. */
  readonly pauseMs?: number;
}

type Settled = Required<PrefixGroupsOptions>;

/**
 * Conversations of a few turns, each of which begins with the system prompt of one of many groups. Conversations begin by
 * a Poisson process whatever happens; within one, each turn brings all turns before it and waits for the last answer.
 * With more groups and conversations than caches have room for, what was cached where a while ago is there no more.
 * A turn that fails ends its conversation.
 */
export function prefixGroupsWorkload(options: PrefixGroupsOptions): Workload {
  const settled: Settled = {
    groups: 64,
    zipfExponent: 0.6,
    systemTokens: 1024,
    turns: 4,
    questionTokens: 64,
    outputTokens: 64,
    pauseMs: 5000,
    ...options,
  };
  if (!(settled.turns >= 1)) throw new RangeError(`turns must be at least 1, not ${settled.turns}`);
  if (!(settled.ratePerSecond > 0)) {
    throw new RangeError(`rate must be above 0, not ${settled.ratePerSecond}`);
  }
  const { seed, ...parameters } = settled;
  return {
    description: { name: 'prefix-groups', seed, loop: 'closed', parameters },
    start: () => new PrefixGroupsRun(settled),
  };
}

interface Conversation {
  readonly id: number;
  /** Draws its pauses, so that they do not depend on how other conversations go. */
  readonly random: Random;
  readonly messages: ChatMessage[];
  asked: number;
  /** When its next turn is intended. */
  dueMs: number;
}

class PrefixGroupsRun implements WorkloadRun {
  readonly #options: Settled;
  readonly #arrivals: Random;
  readonly #nextGroup: () => number;
  readonly #systemPrompts = new Map<number, string>();
  /** Conversations whose next turn has its time. */
  readonly #waiting = new Set<Conversation>();
  readonly #asking = new Map<WorkloadRequest, Conversation>();
  readonly #gapMs: number;
  #nextArrivalMs: number;
  #created = 0;

  constructor(options: Settled) {
    const random = createRandom(options.seed);
    this.#options = options;
    this.#arrivals = random;
    this.#nextGroup = createZipf(options.groups, { exponent: options.zipfExponent, random });
    this.#gapMs = (options.turns / options.ratePerSecond) * 1000;
    this.#nextArrivalMs = exponential(random, this.#gapMs);
  }

  nextAtMs(): number | undefined {
    const nextMs = Math.min(this.#earliest()?.dueMs ?? Infinity, this.#nextArrivalMs);
    return nextMs < this.#options.durationMs ? nextMs : undefined;
  }

  take(): WorkloadRequest {
    const waiting = this.#earliest();
    const isNew = this.#nextArrivalMs <= (waiting?.dueMs ?? Infinity);
    const conversation = isNew || waiting === undefined ? this.#begin() : waiting;
    this.#waiting.delete(conversation);
    return this.#ask(conversation);
  }

  ended(request: WorkloadRequest, { text, atMs }: WorkloadAnswer): void {
    const conversation = this.#asking.get(request);
    this.#asking.delete(request);
    if (conversation === undefined || text === '') return;
    if (conversation.asked >= this.#options.turns) return;
    conversation.messages.push({ role: 'assistant', content: text });
    conversation.dueMs = atMs + exponential(conversation.random, this.#options.pauseMs);
    this.#waiting.add(conversation);
  }

  #earliest(): Conversation | undefined {
    let earliest: Conversation | undefined;
    for (const conversation of this.#waiting) {
      if (earliest === undefined || conversation.dueMs < earliest.dueMs) earliest = conversation;
    }
    return earliest;
  }

  #begin(): Conversation {
    const dueMs = this.#nextArrivalMs;
    const id = this.#created++;
    const system: ChatMessage = { role: 'system', content: this.#systemPrompt(this.#nextGroup()) };
    this.#nextArrivalMs += exponential(this.#arrivals, this.#gapMs);
    const random = createRandom(this.#options.seed ^ (0x9e3779b9 + id));
    return { id, random, messages: [system], asked: 0, dueMs };
  }

  #systemPrompt(group: number): string {
    const { seed, systemTokens } = this.#options;
    const known = this.#systemPrompts.get(group);
    const text = known ?? pseudoText(`g${group}.`, { seed, tokens: systemTokens });
    this.#systemPrompts.set(group, text);
    return text;
  }

  #ask(conversation: Conversation): WorkloadRequest {
    const { seed, questionTokens, outputTokens } = this.#options;
    const { id, asked, messages } = conversation;
    const question = pseudoText(`q${id}.${asked}.`, { seed, tokens: questionTokens });
    messages.push({ role: 'user', content: question });
    const request: WorkloadRequest = {
      intendedAtMs: conversation.dueMs,
      prompt: [...messages],
      inputTokens: messages.reduce((sum, { content }) => sum + tokensOf(content), 0),
      maxTokens: outputTokens,
      sessionId: `conversation-${id}`,
    };
    conversation.asked++;
    this.#asking.set(request, conversation);
    return request;
  }
}

const tokensOf = (text: string): number =>
  Math.ceil(Buffer.byteLength(text) / BYTES_PER_ESTIMATED_TOKEN);
