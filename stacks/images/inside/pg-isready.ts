#!/usr/bin/node
/**
 * The part of PostgreSQL's `pg_isready` that a health check needs, for the image of stores.ts: exit code 0 when the
 * server answers on this machine. It asks for TLS, which a server refuses or grants before anything else.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html (SSLRequest)
 */
import { connect } from 'node:net';

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const socket = connect({ host: '127.0.0.1', port: 5432, timeout: 2000 }, () => socket.write(sslRequest));
const end = (code: number) => () => process.exit(code);
socket.once('data', end(0)).once('timeout', end(1)).once('error', end(2)).once('end', end(1));
