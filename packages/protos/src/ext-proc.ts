// SPDX-License-Identifier: Apache-2.0
import { codecOf, type Codec } from './codec.ts';
import { envoy } from './gen/codecs.ts';
import type {
  ProcessingRequest,
  ProcessingRequestInit,
  ProcessingResponse,
  ProcessingResponseInit,
} from './gen/messages.ts';

/** The service that Envoy calls; also the name its health checks ask for. */
export const externalProcessorService = 'envoy.service.ext_proc.v3.ExternalProcessor';

/** Path of the bidirectional method: one stream for each HTTP request. */
export const externalProcessorProcessPath = `/${externalProcessorService}/Process`;

// The generated root carries no types of its own.
const generated = (envoy as unknown as { service: { ext_proc: { v3: Record<string, unknown> } } })
  .service.ext_proc.v3;

/** What Envoy sends: one phase of an HTTP exchange. */
export const processingRequest: Codec<ProcessingRequest, ProcessingRequestInit> = codecOf(
  'envoy.service.ext_proc.v3.ProcessingRequest',
  generated['ProcessingRequest'],
);

/** What the processor answers. Body chunks are cheaper with `streamedBodyParts`. */
export const processingResponse: Codec<ProcessingResponse, ProcessingResponseInit> = codecOf(
  'envoy.service.ext_proc.v3.ProcessingResponse',
  generated['ProcessingResponse'],
);
