// SPDX-License-Identifier: Apache-2.0

/** Who we are to the API server, as request headers. */
export interface Credentials {
  /** Headers of the next request. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Called after a 401: reads everything anew and says whether anything has changed. */
  renew(): Promise<boolean>;
}

/** Where an API server is and how to be let in. */
export interface KubeConnection {
  /** Its URL, without a path that requests would not have. */
  readonly server: string;
  /** Namespace that we belong to, such as that of the pod. */
  readonly namespace: string;
  readonly tls: {
    /** Certificate authorities, PEM; the machine's where absent. */
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    /** Name that the server's certificate must have; that of the URL where absent. */
    readonly servername?: string;
    /** Default true. */
    readonly rejectUnauthorized?: boolean;
  };
  readonly credentials: Credentials;
}

/** Nobody in particular, or whoever the TLS certificate says. */
export const noCredentials: Credentials = {
  headers: () => Promise.resolve({}),
  renew: () => Promise.resolve(false),
};
