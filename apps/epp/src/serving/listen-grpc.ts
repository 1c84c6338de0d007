// SPDX-License-Identifier: Apache-2.0
import type { GrpcServer, TlsCertificate, TlsPolicy } from '@llm-d/grpc-server';
import { ListenError } from './listen-error.ts';

export interface ListenGrpcOptions {
  /** Undefined for every address. */
  readonly host: string | undefined;
  readonly port: number;
  /** The flag that sets the port. */
  readonly flag: string;
  /** Default plaintext. */
  readonly tls?: TlsCertificate | undefined;
  readonly tlsPolicy?: TlsPolicy;
}

/** Makes a server listen and tells its port. Rejects with {@link ListenError}; the server is closed then. */
export async function listenGrpc(server: GrpcServer, options: ListenGrpcOptions): Promise<number> {
  const { host, port, flag, tls, tlsPolicy = {} } = options;
  try {
    const listening = await server.listen({
      port,
      ...(host !== undefined && { host }),
      ...(tls !== undefined && { tls, tlsPolicy }),
    });
    return listening.port;
  } catch (error) {
    await server.close();
    throw new ListenError(flag, port, error);
  }
}
