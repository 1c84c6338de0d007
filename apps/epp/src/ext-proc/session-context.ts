// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type {
  ModelResolution,
  PickOptions,
  EndpointPicker,
  RequestPolicyHolder,
  RequestRoute,
} from '@llm-d/endpoint-picker';
import type { Logger } from '@llm-d/telemetry';

/** Whether answers pass through here: see `--response-processing`. */
export type ResponseProcessing = 'full' | 'none';

/** The choices of an installation that each exchange obeys. */
export interface SessionSettings {
  readonly maxBodyBytes: number;
  /** Shape of refusals: llm-d's line of text, or what clients of the API expect. */
  readonly errorFormat: 'text' | 'openai';
  readonly responseProcessing: ResponseProcessing;
  /** Whether the proxy gets the destination's fall-backs too, as a list. */
  readonly destinationFallbacks: boolean;
  readonly emitEndpointScores: boolean;
  /** Whether the proxy's subset hint counts. */
  readonly honoursSubset: boolean;
  /** Whether headers are repeated to the proxy as llm-d does, which changes nothing for anybody. */
  readonly repeatsHeaders: boolean;
  /** Whether clients may send the engines' cache hand-over fields. */
  readonly forwardsTransferParams: boolean;
  /** Platform headers that a plugin of the configuration reads, so that they are the client's to send. */
  readonly honouredHeaders: ReadonlySet<string>;
}

/** What every session works with. */
export interface SessionContext {
  readonly picker: EndpointPicker;
  readonly policies: RequestPolicyHolder;
  readonly routeOf: (path: string) => RequestRoute;
  /** Asked where a client wants its prompt to be cached. */
  readonly conditionalDecode: NonNullable<PickOptions['precondition']>;
  readonly countRewrite: (resolution: ModelResolution) => void;
  readonly settings: SessionSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whether somebody who sends this in the debug header may be told of the decision. */
  readonly mayDebug: (value: string | undefined) => boolean;
  /** A fresh request id. */
  readonly newId: () => string;
}
