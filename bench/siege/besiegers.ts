/**
 * Child of siege.ts: whoever reaches a coordinator's ports and means it ill, from addresses of 127/8 that no cluster has. Ends with its
 * standard input. Lines on standard output: "besieging" once all that are slow have been open at the same time or were cut, then a
 * Besieged each second.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { clientHello } from '../../coordinator/testing/client-hello.ts';

type Task = Readonly<{
  /** host:port. */
  federation: string;
  enrolment: string;
  /** Sockets that are held open, four in five at the federation's port, and opened anew once they are cut. */
  slow: number;
  resetsPerMinute: number;
  /** So many addresses, in turn. */
  addresses: number;
}>;

export type Besieged = Readonly<{
  /** Slow sockets that are open, and how many the coordinator has cut or not taken so far. */
  open: number;
  cut: number;
  /** Connections that were made and reset. */
  resets: number;
}>;

/** Says nothing; says its hello a byte a second; says its hello and no more. */
const manners = ['silent', 'trickling', 'half done'] as const;
const tickMs = 10;
/** Connecting: more of them are not begun before some are through. */
const resettingMax = 512;

const task = JSON.parse(process.argv[2] as string) as Task;
const hello = await clientHello();
const open = new Set<Socket>();
const trickling = new Map<Socket, number>();
let [turn, cut, resets, resetting, missing] = [0, 0, 0, 0, task.slow];
createInterface({ input: process.stdin }).on('close', () => process.exit());

/** One connection from the next address. */
function dial(to: string): Socket {
  const [host, port] = to.split(':') as [string, string];
  const at = turn++ % task.addresses;
  const from: NetConnectOpts = { host, port: Number(port), localAddress: `127.9.${at >> 8}.${at & 255}` };
  return connect(from).on('error', () => {});
}

function openSlow(): void {
  const manner = manners[turn % manners.length];
  const socket = dial(turn % 5 === 0 ? task.enrolment : task.federation);
  missing -= 1;
  socket.once('connect', () => {
    open.add(socket);
    if (manner === 'trickling') trickling.set(socket, 0);
    if (manner === 'half done') socket.write(hello);
    socket.resume();
  });
  socket.once('close', () => {
    open.delete(socket);
    trickling.delete(socket);
    cut += 1;
    missing += 1;
  });
}

function reset(): void {
  resetting += 1;
  const socket = dial(task.federation);
  socket.once('connect', () => {
    resets += 1;
    if (resets % 2 === 0) socket.write(hello, () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  });
  socket.once('close', () => {
    resetting -= 1;
  });
}

const startedMs = performance.now();
let begun = 0;
setInterval(() => {
  const due = ((performance.now() - startedMs) / 60_000) * task.resetsPerMinute;
  for (; begun < due && resetting < resettingMax; begun++) reset();
}, tickMs);

let isSaid = false;
setInterval(() => {
  for (const [socket, said] of trickling) {
    socket.write(hello.subarray(said, said + 1));
    if (said + 1 < hello.byteLength - 1) trickling.set(socket, said + 1);
    else trickling.delete(socket); // Its last byte never comes.
  }
  for (let left = missing; left > 0; left--) openSlow();
  if (isSaid) console.log(JSON.stringify({ open: open.size, cut, resets } satisfies Besieged));
  else if (open.size + cut >= task.slow) {
    isSaid = true;
    console.log('besieging');
  }
}, 1_000);
