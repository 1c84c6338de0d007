import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BodySendMode,
  HeaderAppendAction,
  InvalidMessageError,
  processingRequest,
  processingResponse,
  ResponseStatus,
  streamedBodyParts,
} from './index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('wire bytes computed by hand from the public field numbers', () => {
  test('a request body chunk: field 4, body 1, end_of_stream 2', () => {
    const bytes = hex('22 06 0a 02 6869 10 01');
    expect(
      processingRequest.encode({ requestBody: { body: Buffer.from('hi'), endOfStream: true } }),
    ).toEqual(bytes);
    const request = processingRequest.decode(bytes);
    expect(request.request).toBe('requestBody');
    expect(request.requestBody?.endOfStream).toBe(true);
    expect(Buffer.from(request.requestBody?.body ?? []).toString()).toBe('hi');
  });

  test('the protocol configuration of a full duplex stream: field 11, modes 1 and 2, both 4', () => {
    const { protocolConfig } = processingRequest.decode(hex('12 00 5a 06 08 04 10 04 18 01'));
    expect(protocolConfig).toMatchObject({
      requestBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
      responseBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
      sendBodyWithoutWaitingForHeaderResponse: true,
    });
  });

  test('a streamed body response: 3 > response 1 > body_mutation 3 > streamed_response 3', () => {
    const streamedResponse = { body: Buffer.from('hi'), endOfStream: true };
    const message = { requestBody: { response: { bodyMutation: { streamedResponse } } } };
    expect(processingResponse.encode(message)).toEqual(
      hex('1a 0c 0a 0a 1a 08 1a 06 0a 02 6869 10 01'),
    );
  });

  test('a header mutation with raw_value 3, append_action 3, and clear_route_cache 5', () => {
    const header = { key: 'a', rawValue: Buffer.from('b') };
    const appendAction = HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
    const response = {
      status: ResponseStatus.CONTINUE_AND_REPLACE,
      headerMutation: { setHeaders: [{ header, appendAction }], removeHeaders: ['c'] },
      clearRouteCache: true,
    };
    expect(processingResponse.encode({ requestHeaders: { response } })).toEqual(
      hex('0a17 0a15 0801 120f 0a0a 0a06 0a0161 1a0162 1802 120163 2801'),
    );
  });

  test('an immediate response: field 7, status 1 with code 1, body 3 as bytes, details 5', () => {
    const immediateResponse = { status: { code: 429 }, body: Buffer.from('no'), details: 'd' };
    expect(processingResponse.encode({ immediateResponse })).toEqual(
      hex('3a 0c 0a 03 08 ad03 1a 02 6e6f 2a 01 64'),
    );
  });
});

describe('decoding', () => {
  test('hands out body bytes as a view of the message', () => {
    const message = processingRequest.encode({ requestBody: { body: Buffer.alloc(8192, 1) } });
    const body = processingRequest.decode(message).requestBody?.body;
    expect(body?.buffer).toBe(message.buffer);
    expect(body?.length).toBe(8192);
  });

  test('drops fields that are unknown', () => {
    expect(processingRequest.encode(processingRequest.decode(hex('22 00 a0 06 01')))).toEqual(
      hex('22 00'),
    );
  });

  test('of bytes that are no message throws an error that names the type', () => {
    const decode = () => processingRequest.decode(hex('22 06 0a'));
    expect(decode).toThrow(InvalidMessageError);
    expect(decode).toThrow(/^envoy\.service\.ext_proc\.v3\.ProcessingRequest: /);
  });

  test('of arbitrary bytes gives a message or that error, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          processingRequest.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidMessageError);
        }
      }),
    );
  });
});

test('a body in parts decodes to the same message as one that was encoded whole', () => {
  const sizes = [0, 1, 100, 127, 128, 16_000, 16_384, 62_000, 2_100_000];
  fc.assert(
    fc.property(
      fc.constantFrom('requestBody', 'responseBody'),
      fc.oneof(fc.constantFrom(...sizes), fc.nat(20_000)),
      fc.boolean(),
      (phase, size, endOfStream) => {
        const body = Buffer.alloc(size, 7);
        const parts = streamedBodyParts(phase, body, { endOfStream });
        expect(parts[1]).toBe(body);
        const decoded = processingResponse.decode(Buffer.concat(parts));
        expect(decoded.response).toBe(phase);
        const streamed = decoded[phase]?.response?.bodyMutation?.streamedResponse;
        expect(streamed?.endOfStream).toBe(endOfStream);
        expect(body.equals(streamed?.body ?? Buffer.alloc(1))).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});
