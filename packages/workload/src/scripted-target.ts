// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { ReportedUsage, RequestFailure, Target } from './target.ts';
import type { WorkloadRequest } from './workload.ts';

/** How a scripted answer goes. */
export interface ScriptedAnswer {
  /** From the sending to the first piece. */
  readonly firstPieceMs: number;
  /** Between pieces. Default 0. */
  readonly gapMs?: number;
  /** Pieces of the answer. Default: as many as tokens were asked for. */
  readonly pieces?: number;
  /** Reported at the end. Default: nothing. */
  readonly usage?: ReportedUsage;
  /** Default: the server does not say its name. */
  readonly endpoint?: string;
  /** Ends the answer after its pieces with a failure. */
  readonly failure?: RequestFailure;
}

/** A target that answers by a script on a clock; what it was sent is kept. */
export interface ScriptedTarget extends Target {
  readonly requests: readonly WorkloadRequest[];
  /** Requests that were given up. */
  readonly aborted: readonly WorkloadRequest[];
}

/** Creates a target whose answer to each request `script` tells. */
export function createScriptedTarget(
  clock: Clock,
  script: (request: WorkloadRequest) => ScriptedAnswer,
): ScriptedTarget {
  const requests: WorkloadRequest[] = [];
  const aborted: WorkloadRequest[] = [];
  return {
    streaming: true,
    requests,
    aborted,
    submit: (request, callbacks) => {
      requests.push(request);
      const answer = script(request);
      const { gapMs = 0, pieces = request.maxTokens, usage, endpoint, failure } = answer;
      let sent = 0;
      let timer: Timer;
      const step = (): void => {
        if (sent === 0)
          callbacks.onResponse({ status: 200, ...(endpoint !== undefined && { endpoint }) });
        if (sent < pieces) callbacks.onContent(`t${sent++} `);
        if (sent < pieces) {
          timer = clock.schedule(gapMs, step);
          return;
        }
        if (usage) callbacks.onUsage(usage);
        if (failure) callbacks.onFailure(failure);
        else callbacks.onEnd();
      };
      timer = clock.schedule(answer.firstPieceMs, step);
      return {
        abort: () => {
          timer.cancel();
          aborted.push(request);
        },
      };
    },
  };
}
