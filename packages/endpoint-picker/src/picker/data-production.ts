// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type {
  Attributes,
  DataProducer,
  Endpoint,
  Named,
  PluginDurations,
  ProducerOutput,
  SchedulingCycle,
} from '@llm-d/scheduler-core';
import type { Histogram, Logger } from '@llm-d/telemetry';

/** Longest a producer may take that does not say otherwise; llm-d's constant. */
const DEFAULT_TIMEOUT_MS = 400;

export interface Production {
  readonly cycle: SchedulingCycle;
  readonly attributes: Attributes;
  readonly candidates: readonly Endpoint[];
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

export interface DataProductionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Measures how long each takes until it is done. */
  readonly durations: PluginDurations;
}

/** A producer with where its seconds go. */
interface MeasuredProducer extends Named<DataProducer> {
  readonly seconds: Histogram;
}

/**
 * Runs producers in their order. One that fails or takes too long is reported and leaves its attributes unset.
 * Returns a promise only if a producer did: otherwise everything happened before it returns.
 */
export function createDataProduction(
  producers: readonly Named<DataProducer>[],
  { clock, logger, durations }: DataProductionOptions,
): (production: Production) => Promise<void> | undefined {
  const report = (producer: string, cycle: SchedulingCycle, error: unknown): void => {
    logger.warn('data producer failed', { producer, requestId: cycle.request.id, error });
  };

  const measured = producers.map(({ name, plugin }): MeasuredProducer => ({
    name,
    plugin,
    seconds: durations.of('DataProducer', name),
  }));

  const start = (
    { name, plugin, seconds }: MeasuredProducer,
    { cycle, attributes, candidates, signal }: Production,
  ): Promise<void> | undefined => {
    const startedMs = clock.nowMs();
    const turn = new Turn(attributes, signal);
    try {
      const done = plugin.produce(cycle, candidates, turn);
      if (done !== undefined) {
        const timeoutMs = plugin.timeoutMs ?? DEFAULT_TIMEOUT_MS;
        return within({ done, timeoutMs, signal, limit: turn.limit, clock })
          .catch((error: unknown) => {
            report(name, cycle, error);
          })
          .finally(() => {
            seconds.observe((clock.nowMs() - startedMs) / 1000);
          });
      }
    } catch (error) {
      report(name, cycle, error);
    }
    seconds.observe((clock.nowMs() - startedMs) / 1000);
    return undefined;
  };

  const runFrom = async (
    first: Promise<void>,
    rest: readonly MeasuredProducer[],
    production: Production,
  ): Promise<void> => {
    await first;
    for (const producer of rest) await start(producer, production);
  };

  return (production) => {
    for (const [i, producer] of measured.entries()) {
      const waiting = start(producer, production);
      if (waiting !== undefined) return runFrom(waiting, measured.slice(i + 1), production);
    }
    return undefined;
  };
}

/** What a producer is handed. Its signal is made when it asks for it: most are done at once. */
class Turn implements ProducerOutput {
  readonly attributes: Attributes;
  readonly #gone: AbortSignal;
  #limit: AbortController | undefined;

  constructor(attributes: Attributes, gone: AbortSignal) {
    this.attributes = attributes;
    this.#gone = gone;
  }

  /** Ends the producer's time, which is its own. */
  get limit(): AbortController {
    return (this.#limit ??= new AbortController());
  }

  get signal(): AbortSignal {
    return AbortSignal.any([this.limit.signal, this.#gone]);
  }
}

interface Wait {
  readonly done: Promise<void>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly limit: AbortController;
  readonly clock: Clock;
}

/** Settles with `done`, or earlier when time is up or the client is gone; late results are ignored. */
function within({ done, timeoutMs, signal, limit, clock }: Wait): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => {
      limit.abort();
      end(() => {
        reject(new Error(`no result within ${timeoutMs} ms`));
      });
    });
    const gone = () => {
      end(resolve);
    };
    const end = (settle: () => void) => {
      timer.cancel();
      signal.removeEventListener('abort', gone);
      settle();
    };
    signal.addEventListener('abort', gone, { once: true });
    done.then(
      () => {
        end(resolve);
      },
      (error: unknown) => {
        end(() => {
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      },
    );
  });
}
