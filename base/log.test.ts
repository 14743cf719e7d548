import { describe, expect, it } from 'vitest';
import { makeLog } from './log.ts';

describe('makeLog', () => {
  it('writes JSON lines and keeps secrets out of them, wherever they stand', () => {
    const lines: string[] = [];
    const log = makeLog('info', { to: { write: (line: string) => void lines.push(line) } });
    const secrets = { key: 's3cr3t', token: 's3cr3t', secret: 's3cr3t', delta: [1, 2], chunk: Buffer.from('s3cr3t') };
    log.info({ ...secrets, round: 'r-1' }, 'round closed');
    log.info({ update: secrets, deep: { er: secrets } }, 'round closed');
    log.error({ err: Object.assign(new Error('it broke'), secrets) }, 'call failed');
    expect(lines).toHaveLength(3);
    expect(lines.join()).not.toContain('s3cr3t');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      msg: 'round closed',
      round: 'r-1',
      key: '[redacted]',
    });
    expect(JSON.parse(lines[2] ?? '').err).toMatchObject({ type: 'Error', message: 'it broke' });
  });

  it('names its writer in every line, and writes nothing below its level', () => {
    const lines: string[] = [];
    const log = makeLog('warn', { fields: { component: 'client' }, to: { write: (line) => void lines.push(line) } });
    log.info('client started');
    log.warn({ dataKey: Buffer.from('s3cr3t'), identity: { signingSeed: [7, 7, 7] }, cluster: 'a' }, 'disconnected');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warn',
      component: 'client',
      msg: 'disconnected',
      cluster: 'a',
      dataKey: '[redacted]',
      identity: { signingSeed: '[redacted]' },
    });
  });
});
