import { connect as plainConnect, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { HeardLog } from '../../base/testing/heard-log.ts';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { pemOfChain } from '../keys/authority.ts';
import { TestFederation } from '../testing/federation.ts';
import { HandshakeLog } from './refused-handshakes.ts';

const hourMs = 3_600_000;

type Line = Readonly<{ msg: string; why?: string; listener?: string; peer?: string; code?: string; count?: number }>;

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {}).resume();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('a handshake that is refused', () => {
  it('is logged and counted by its cause, with the address of the peer', async () => {
    const heard = new HeardLog<Line>();
    const log = heard.log();
    const timers = new ShiftedTimers(-25 * hourMs);
    const federation = await TestFederation.start({ log, timers, settings: ['certificates.serverDays=366'] });
    const foreign = await TestFederation.start();
    const [ended, other] = [await federation.enrol('a'), await foreign.enrol('a')];
    timers.byMs = 0;
    const { addresses } = federation.coordinator;
    const [host = '', port = ''] = addresses.federation.split(':');
    const attempt = async (options: ConnectionOptions) => {
      const socket = connect({
        host,
        port: Number(port),
        ca: federation.authority,
        servername: coordinatorServerName,
        ALPNProtocols: ['h2'],
        ...options,
      });
      await closed(socket);
    };
    const pair = ({ applied, enrolled }: typeof ended) => {
      return { cert: pemOfChain(enrolled.certificateChain), key: applied.tls.key };
    };
    await attempt(pair(ended));
    await attempt(pair(other));
    await attempt({});
    await attempt({ ...pair(ended), maxVersion: 'TLSv1.2' });
    const plain = plainConnect({ host, port: Number(port) });
    plain.end('GET / HTTP/1.1\r\n\r\n');
    await closed(plain);

    const expired = await heard.until(() => heard.lines.find(({ why }) => why === 'expired'));
    expect(expired).toMatchObject({ listener: 'federation', peer: '127.0.0.1', code: 'CERT_HAS_EXPIRED' });
    expect(expired.msg).toContain('certificate has ended');
    for (const why of ['unknownAuthority', 'noCertificate', 'wrongProtocol']) {
      expect(await heard.until(() => heard.lines.find((line) => line.why === why))).toMatchObject({
        listener: 'federation',
        peer: '127.0.0.1',
      });
    }
    const metrics = await (await fetch(`http://${addresses.health}/metrics`)).text();
    for (const [why, count] of [
      ['expired', 1],
      ['unknownAuthority', 1],
      ['noCertificate', 1],
      ['wrongProtocol', 2],
    ]) {
      expect(metrics).toContain(`testudo_handshakes_refused_total{listener="federation",why="${why}"} ${count}`);
    }
  });

  it('fills no log: ten lines a minute of a cause, then their sum', async () => {
    const heard = new HeardLog<Line>();
    const { lines } = heard;
    const timers = new SimulatedTimers();
    const handshakes = new HandshakeLog(heard.log(), timers);
    const flood = (why: 'expired' | 'noCertificate' | 'hungUp', count: number) => {
      for (let at = 0; at < count; at += 1) {
        handshakes.refused({ listener: 'federation', why, address: '192.0.2.1', code: '' });
      }
    };
    flood('noCertificate', 1_000);
    flood('expired', 1);
    flood('hungUp', 1_000);
    expect(lines.map(({ why }) => why)).toEqual([...Array(10).fill('noCertificate'), 'expired']);
    await timers.advance(60_000);
    expect(lines.slice(11)).toMatchObject([{ why: 'noCertificate', count: 990 }]);
    flood('noCertificate', 1);
    expect(lines).toHaveLength(13);
    handshakes.close();
    expect(timers.nextInMs).toBeNull();
  });
});
