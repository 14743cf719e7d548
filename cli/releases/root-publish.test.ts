import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { Vault } from '../../coordinator/keys/vault.ts';
import { exportReleaseRootKey } from '../../coordinator/registry/signing/release-keys.ts';
import { TestAgent } from '../../coordinator/testing/agent.ts';
import { masterKey, track } from '../../coordinator/testing/federation.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import { openRoot } from '../../proto/release/open.ts';
import { CommandLine } from '../testing/command-line.ts';

describe('testudo root rotate and publish', () => {
  it("exchange the coordinator's snapshot and timestamp keys together, and agents follow", async () => {
    const line = await CommandLine.start();
    const { federation, folder } = line;
    const at = (name: string) => join(folder, name);
    const agent = new TestAgent(await federation.enrol('a'), federation.coordinator);
    onTestFinished(() => agent.close());
    agent.subscribe([track]);
    const { root: before } = await agent.until(() => true);
    expect((await line.run('pins', 'list')).code).toBe(0); // Writes the trust file that the next root follows.
    unwrap(
      await exportReleaseRootKey(
        unwrap(await Vault.open(join(federation.config.dataDirectory, 'keys'), masterKey)),
        at('root.pem'),
      ),
    );

    const keys = await line.json<Record<'release' | 'snapshot' | 'timestamp', string>>('root', 'keys');
    const roles = ['snapshot', 'timestamp'] as const;
    const changes = roles.flatMap((role) => [
      ...['--remove', `${role}=${keyIdOf(before.roles[role].publicKeys[0] as Uint8Array).slice(0, 16)}`],
      ...['--add', `${role}=${keys[role]}`],
    ]);
    const trust = `${line.credentials('admin')}.trust`;
    const rotated = await line.offline('root', 'rotate', trust, '--out', at('next.json'), ...changes);
    expect(rotated.code, rotated.error).toBe(0);
    const unsigned = await line.run('root', 'publish', at('next.json'), '--reason', 'yearly');
    expect(unsigned).toMatchObject({ code: 1, error: expect.stringContaining('ROOT_INVALID') });
    const signed = await line.offline(
      'root',
      'sign',
      at('next.json'),
      '--key',
      at('root.pem'),
      '--out',
      at('signed.json'),
    );
    expect(signed.code, signed.error).toBe(0);
    const tried = await line.run('root', 'publish', at('signed.json'), '--reason', 'yearly', '--dry-run');
    expect(tried).toMatchObject({ code: 0, out: expect.stringContaining('would be in force') });
    expect(federation.coordinator.engine.state().metadata.roots).toHaveLength(before.version);
    const published = await line.run('root', 'publish', at('signed.json'), '--reason', 'yearly', '--json');
    expect(published.code, published.error).toBe(0);
    expect(JSON.parse(published.out)).toMatchObject({ version: before.version + 1, dryRun: false });
    const again = await line.run('root', 'publish', at('signed.json'), '--reason', 'yearly');
    const said = `NOTHING_TO_CHANGE: root ${before.version + 1} is this very one, and is in force`;
    expect(again).toMatchObject({ code: 1, error: expect.stringContaining(said) });

    const { root: after } = await agent.until(({ root }) => root.version === before.version + 1);
    for (const role of roles) {
      expect(after.roles[role].publicKeys.map((key) => Buffer.from(key).toString('hex'))).toEqual([keys[role]]);
    }
    expect(after.roles.targets).toEqual(before.roles.targets);
    // The new keys are the present ones now, over a restart too.
    await federation.restart();
    expect(federation.coordinator.registry.trouble()).toBeUndefined();
    const set = federation.coordinator.registry.signedSet();
    expect(unwrap(openRoot(set?.roots.at(-1)?.body as Uint8Array)).version).toBe(after.version);
    expect((await line.run('pins', 'list')).code).toBe(0);
  });
});
