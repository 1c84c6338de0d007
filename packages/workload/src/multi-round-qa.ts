// SPDX-License-Identifier: Apache-2.0
import { createRandom, type Random } from '@llm-d/determinism';
import { BYTES_PER_ESTIMATED_TOKEN } from '@llm-d/inference-api';
import { pseudoText } from './pseudo-text.ts';
import type {
  ChatMessage,
  Workload,
  WorkloadAnswer,
  WorkloadRequest,
  WorkloadRun,
} from './workload.ts';

/** Parameters of LMBenchmark's synthetic multi-round question answering; lengths in tokens. */
export interface MultiRoundQaOptions {
  readonly seed: number;
  /** Conversations at a time; each asks every `users / ratePerSecond` seconds. Default 15. */
  readonly users?: number;
  /** Questions in a conversation; at least 2. Default 20. */
  readonly rounds?: number;
  /**
   * The rate by which the gaps are set; above 0. Conversations overlap by one gap, so
   * `rounds / (rounds - 1)` times as many questions per second come while answers are quick.
   */
  readonly ratePerSecond: number;
  /** No question is asked at or after it. */
  readonly durationMs: number;
  /** Length of the system prompt that all users share. Default 1000. */
  readonly systemTokens?: number;
  /** Length of what each user tells of itself in its first question. Default 20000. */
  readonly historyTokens?: number;
  /** Length of a question. Default 20. */
  readonly questionTokens?: number;
  /** Length of an answer. Default 100. */
  readonly answerTokens?: number;
  /**
   * Whether new conversations begin on schedule even while slow ones linger (as LMBenchmark did until September 2025),
   * or only when fewer than `users` are left. Default true.
   */
  readonly sessionStacking?: boolean;
  /** Share of each gap, 0 to 1, by which it varies either way. LMBenchmark has none. Default 0. */
  readonly jitter?: number;
}

type Settled = Required<MultiRoundQaOptions>;

/**
 * Users who ask, wait for the answer, and ask again with the whole conversation before them. Closed loop per user: the next
 * question is intended one gap after the last, or at the end of its answer if that comes later.
 * A run begins with conversations in their midst, spread evenly over their length, and one more begins
 * every `(rounds - 1) / ratePerSecond` seconds. A question that fails leaves nothing in the conversation.
 */
export function multiRoundQaWorkload(options: MultiRoundQaOptions): Workload {
  const settled: Settled = {
    users: 15,
    rounds: 20,
    systemTokens: 1000,
    historyTokens: 20_000,
    questionTokens: 20,
    answerTokens: 100,
    sessionStacking: true,
    jitter: 0,
    ...options,
  };
  if (settled.rounds < 2) throw new RangeError(`rounds must be at least 2, not ${settled.rounds}`);
  if (!(settled.ratePerSecond > 0)) {
    throw new RangeError(`rate must be above 0, not ${settled.ratePerSecond}`);
  }
  const { seed, ...parameters } = settled;
  return {
    description: { name: 'multi-round-qa', seed, loop: 'closed', parameters },
    start: () => new MultiRoundQaRun(settled),
  };
}

interface Conversation {
  readonly id: number;
  readonly messages: ChatMessage[];
  /** Questions asked, counting those a conversation in its midst is taken to have asked before the run. */
  asked: number;
  /** When the next question is intended; while one is in flight, the earliest it can be. */
  dueMs: number;
  inFlight: WorkloadRequest | undefined;
}

class MultiRoundQaRun implements WorkloadRun {
  readonly #options: Settled;
  readonly #random: Random;
  readonly #systemPrompt: ChatMessage;
  readonly #conversations = new Map<string, Conversation>();
  readonly #gapMs: number;
  readonly #joinGapMs: number;
  #nextJoinMs = 0;
  #created = 0;

  constructor(options: Settled) {
    const { seed, users, rounds, ratePerSecond, systemTokens } = options;
    this.#options = options;
    this.#random = createRandom(seed);
    this.#systemPrompt = {
      role: 'system',
      content: pseudoText('system', { seed, tokens: systemTokens }),
    };
    this.#gapMs = (users / ratePerSecond) * 1000;
    this.#joinGapMs = ((rounds - 1) / ratePerSecond) * 1000;
    this.#rampUp();
  }

  nextAtMs(): number | undefined {
    const atMs = this.#earliest()?.dueMs ?? Infinity;
    const nextMs = this.#mayJoin() ? Math.min(atMs, this.#nextJoinMs) : atMs;
    return nextMs < this.#options.durationMs ? nextMs : undefined;
  }

  take(): WorkloadRequest {
    const waiting = this.#earliest();
    const joins = this.#mayJoin() && this.#nextJoinMs <= (waiting?.dueMs ?? Infinity);
    const conversation = joins ? this.#join(this.#nextJoinMs) : waiting;
    if (conversation === undefined) throw new RangeError('no question is due');
    if (joins) this.#nextJoinMs += this.#joinGapMs;
    return this.#ask(conversation);
  }

  ended(request: WorkloadRequest, answer: WorkloadAnswer): void {
    const conversation = this.#conversations.get(request.sessionId ?? '');
    if (conversation?.inFlight !== request) return;
    conversation.inFlight = undefined;
    if (answer.text === '') conversation.messages.pop();
    else conversation.messages.push({ role: 'assistant', content: answer.text });
    conversation.dueMs = Math.max(conversation.dueMs, answer.atMs);
    if (conversation.asked < this.#options.rounds) return;
    this.#conversations.delete(sessionId(conversation.id));
    if (!this.#options.sessionStacking) {
      this.#nextJoinMs = Math.max(this.#nextJoinMs, answer.atMs);
    }
  }

  /** Conversations that began before the run, the oldest first, evenly spread over a conversation's length. */
  #rampUp(): void {
    const { users, rounds } = this.#options;
    for (let i = 1; i < users; i++) {
      const ageInGaps = ((rounds - 1) * (users - i)) / users;
      const asked = Math.floor(ageInGaps) + 1;
      const conversation = this.#join((asked - ageInGaps) * this.#gapMs);
      conversation.asked = asked;
    }
  }

  #mayJoin(): boolean {
    return this.#options.sessionStacking || this.#conversations.size < this.#options.users;
  }

  #join(dueMs: number): Conversation {
    const id = this.#created++;
    const conversation = {
      id,
      messages: [this.#systemPrompt],
      asked: 0,
      dueMs,
      inFlight: undefined,
    };
    this.#conversations.set(sessionId(id), conversation);
    return conversation;
  }

  #earliest(): Conversation | undefined {
    let earliest: Conversation | undefined;
    for (const conversation of this.#conversations.values()) {
      if (conversation.inFlight !== undefined) continue;
      if (earliest === undefined || conversation.dueMs < earliest.dueMs) earliest = conversation;
    }
    return earliest;
  }

  #ask(conversation: Conversation): WorkloadRequest {
    const { seed, historyTokens, questionTokens, answerTokens, jitter } = this.#options;
    const { id, messages, asked } = conversation;
    const history =
      messages.length === 1 ? pseudoText(`h${id}.`, { seed, tokens: historyTokens }) : '';
    const question = pseudoText(`q${id}.${asked}.`, { seed, tokens: questionTokens });
    messages.push({ role: 'user', content: history + question });
    const request: WorkloadRequest = {
      intendedAtMs: conversation.dueMs,
      prompt: [...messages],
      inputTokens: messages.reduce((sum, { content }) => sum + tokensOf(content), 0),
      maxTokens: answerTokens,
      sessionId: sessionId(id),
    };
    conversation.asked++;
    conversation.dueMs += this.#gapMs * (1 + jitter * (2 * this.#random.next() - 1));
    conversation.inFlight = request;
    return request;
  }
}

const sessionId = (id: number): string => `user-${id}`;

const tokensOf = (text: string): number =>
  Math.ceil(Buffer.byteLength(text) / BYTES_PER_ESTIMATED_TOKEN);
