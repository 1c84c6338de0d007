// SPDX-License-Identifier: Apache-2.0
import { connect } from 'node:net';
import type { GrpcAddress } from '../proxy/ext-proc-connection.ts';

/** Whether somebody listens there now. */
export const acceptsConnections = ({ host, port }: GrpcAddress): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host);
    const settle = (accepts: boolean) => () => {
      socket.destroy();
      resolve(accepts);
    };
    socket.once('connect', settle(true)).once('error', settle(false));
  });
