import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import { RedisProcess } from './redis-process.ts';
import { tempDir } from './temp-dir.ts';

export function hasRedisServer(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A real redis-server for one test. */
export class RedisServer extends RedisProcess {
  /** Started and ready; killed when the test ends. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const [port = 0] = await lastingPorts(1);
    const server = new RedisServer(port, tempDir(), settings);
    onTestFinished(() => server.kill());
    await server.start();
    return server;
  }
}
