// SPDX-License-Identifier: Apache-2.0
import type { Engine } from '@llm-d/engine-sim';
import * as z from 'zod';
import { ApiError } from './api-error.ts';
import { failureTypes, type FailureSettings } from './failure-injection.ts';

/** Settings of a running server, under the names of the flags that set them at the start. */
const settingsSchema = z.strictObject({
  'failure-injection-rate': z.number().min(0).max(100),
  'failure-types': z.array(z.enum(failureTypes)),
  'time-factor-under-load': z.number().min(1),
  'prefill-factor': z.number().positive(),
  'decode-factor': z.number().positive(),
  'extra-ttft-ms': z.number().min(0),
});
const changeSchema = settingsSchema.partial();

/** What `/admin/config` shows and changes. */
export class AdminConfig {
  readonly #engine: Engine;
  failures: FailureSettings;

  constructor(engine: Engine, failures: FailureSettings) {
    this.#engine = engine;
    this.failures = failures;
  }

  show(): z.infer<typeof settingsSchema> {
    const latency = this.#engine.latency();
    return {
      'failure-injection-rate': this.failures.rate,
      'failure-types': [...this.failures.types],
      'time-factor-under-load': latency.timeFactorUnderLoad,
      'prefill-factor': latency.prefillFactor,
      'decode-factor': latency.decodeFactor,
      'extra-ttft-ms': latency.extraTtftMs,
    };
  }

  /** Changes the given settings and leaves the others, or changes nothing. @throws ApiError */
  change(value: unknown): void {
    const result = changeSchema.safeParse(value);
    if (!result.success) {
      const faults = result.error.issues.map(({ path, message }) => [...path, message].join(': '));
      throw new ApiError(400, faults.join('; '));
    }
    const given = Object.entries(result.data).filter(([, setting]) => setting !== undefined);
    const settings = settingsSchema.parse({ ...this.show(), ...Object.fromEntries(given) });
    this.failures = { rate: settings['failure-injection-rate'], types: settings['failure-types'] };
    this.#engine.setLatency({
      timeFactorUnderLoad: settings['time-factor-under-load'],
      prefillFactor: settings['prefill-factor'],
      decodeFactor: settings['decode-factor'],
      extraTtftMs: settings['extra-ttft-ms'],
    });
  }
}
