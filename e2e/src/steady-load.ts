// SPDX-License-Identifier: Apache-2.0
import { chat, post } from './stack.ts';

/** What became of a load. */
export interface LoadResult {
  readonly sent: number;
  /** Of requests that were not answered whole and well: the status, or what went wrong. */
  readonly failures: readonly string[];
}

/** Requests that keep coming. */
export interface SteadyLoad {
  /** Requests that were answered so far. */
  readonly answered: number;
  /** Sends no more; resolves when every request has ended. */
  stop(): Promise<LoadResult>;
}

/** Sends short chat requests to the server at `url`, so many in a second, all with the same prompt. */
export function startSteadyLoad(url: string, perSecond: number): SteadyLoad {
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;
  let answered = 0;
  const send = async (): Promise<void> => {
    try {
      const answer = await post(`${url}/v1/chat/completions`, chat(2));
      const text = await answer.text();
      if (answer.status === 200 && text.includes('"usage"')) answered++;
      else failures.push(`${answer.status} ${text.slice(0, 200)}`);
    } catch (error) {
      failures.push(String(error));
    }
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * perSecond) / 1000;
    // After a pause of the machine the rest is not made up for at once.
    for (let burst = 0; sent < due && burst < 10; burst++) {
      sent++;
      const one: Promise<void> = send().finally(() => open.delete(one));
      open.add(one);
    }
  }, 5);
  return {
    get answered() {
      return answered;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return { sent, failures };
    },
  };
}
