// SPDX-License-Identifier: Apache-2.0
import { spliceModel, type ParsedRequest, type Usage } from '@llm-d/inference-api';
import type { RequestBody, SchedulingRequest, TokenUsage } from '@llm-d/scheduler-core';
import { mediaItemsOf } from './media-items.ts';

/** What a request counts for in fairness that does not say. */
export const defaultFairnessId = 'default-flow';

/** A request as a transport has it. */
export interface ReceivedRequest {
  readonly id: string;
  /** Undefined where nobody read the body. */
  readonly parsed: ParsedRequest | undefined;
  /** Body as it came; its chunks must not change. */
  readonly chunks: readonly Uint8Array[];
  readonly bodyBytes: number;
  /** Whether plugins may read the body, which then lives as long as the request. Default false. */
  readonly keepsBody?: boolean;
  /** Lower-case names, only what the client is believed. */
  readonly headers: ReadonlyMap<string, string>;
  /** Default: what the body names, or `''`. */
  readonly model?: string;
  /** Default `model`. */
  readonly targetModel?: string;
  /** Default 0. */
  readonly priority?: number;
  /** Default {@link defaultFairnessId}. */
  readonly fairnessId?: string | undefined;
}

/** The request as scheduling sees it. */
export function schedulingRequestOf(received: ReceivedRequest): SchedulingRequest {
  const { id, parsed, chunks, headers, bodyBytes } = received;
  const model = received.model ?? parsed?.model ?? '';
  return {
    id,
    model,
    targetModel: received.targetModel ?? model,
    headers,
    prompt: parsed?.prompt ?? { kind: 'none' },
    ...(parsed !== undefined &&
      parsed.mediaItems.length > 0 && { mediaItems: mediaItemsOf(parsed, chunks) }),
    cacheSalt: parsed?.cacheSalt ?? '',
    maxOutputTokens: parsed?.maxOutputTokens,
    streaming: parsed?.stream ?? false,
    priority: received.priority ?? 0,
    fairnessId: received.fairnessId ?? defaultFairnessId,
    bodyBytes,
    ...(parsed !== undefined && received.keepsBody === true && { body: bodyOf(parsed, chunks) }),
  };
}

const bodyOf = (parsed: ParsedRequest, chunks: readonly Uint8Array[]): RequestBody => ({
  api: parsed.api,
  withModel: (model) => spliceModel(chunks, parsed, model),
});

/** Usage as an exchange is closed with it. */
export const tokenUsageOf = ({
  promptTokens,
  completionTokens,
  cachedTokens,
}: Usage): TokenUsage => ({ promptTokens, completionTokens, cachedTokens });
