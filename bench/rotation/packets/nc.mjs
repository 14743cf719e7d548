/**
 * As much of nc as a drill asks for, in the network of a pod: `-z -w SECONDS ADDRESS PORT` says whether a connection comes to stand, and
 * `ADDRESS PORT` passes on what it is told and what comes back. 1 where none stands, or where it ends.
 */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { z: { type: 'boolean', short: 'z', default: false }, w: { type: 'string', short: 'w', default: '0' } },
  allowPositionals: true,
});
const [host = '', port = ''] = positionals;
const socket = connect({ host, port: Number(port) });
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(1));
if (values.z) {
  if (values.w !== '0') socket.setTimeout(Number(values.w) * 1_000, () => process.exit(1));
  socket.on('connect', () => process.exit(0));
} else {
  socket.pipe(process.stdout);
  process.stdin.pipe(socket);
}
