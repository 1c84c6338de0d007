// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '@llm-d/telemetry';

/** What is used of Node's `process`. */
export interface EndableProcess {
  on(event: 'SIGINT' | 'SIGTERM', listener: (signal: NodeJS.Signals) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  exit(code: number): void;
}

export interface EndOptions {
  /**
   * Ends the program's work in good order. Called for the first signal; what it throws or rejects with makes the exit
   * code 1.
   */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
  /** Called for every signal after the first: who asks again does not want to wait. Default nothing. */
  readonly hurry?: (signal: NodeJS.Signals) => void;
  readonly logger: Logger;
}

/**
 * Ends a program once when it is asked to by SIGINT or SIGTERM, then exits. Where another program started it over a
 * channel, the end of that program counts as being asked twice.
 */
export function endOnSignals(process: EndableProcess, options: EndOptions): void {
  const { logger, hurry } = options;
  let ending = false;
  const asked = (signal: NodeJS.Signals): void => {
    if (ending) {
      hurry?.(signal);
      return;
    }
    ending = true;
    void ended(options, signal).then(
      () => {
        process.exit(0);
      },
      (error: unknown) => {
        logger.error('stopped badly', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', asked);
  process.on('SIGTERM', asked);
  process.once('disconnect', () => {
    asked('SIGTERM');
    asked('SIGTERM');
  });
}

const ended = async ({ end }: EndOptions, signal: NodeJS.Signals): Promise<void> => {
  await end(signal);
};
