import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ok, unwrap } from '../base/fault.ts';
import { digestOf } from '../proto/digest.ts';
import { parseTrackId } from '../proto/ids.ts';
import { bytesOfValues } from '../proto/layout.ts';
import { type ModelSpec, specBytes } from '../proto/model-spec.ts';
import { parseTrackPolicy } from './config/policy.ts';
import { declareTracks } from './declared-tracks.ts';
import { putSample } from './operations/samples.ts';
import { putTrack } from './operations/tracks.ts';
import { TestFederation } from './testing/federation.ts';
import { tempDir } from './testing/temp-dir.ts';

const id = parseTrackId('declared');
const spec = (values: number): ModelSpec => ({
  architecture: 'declared/1',
  hyperparameters: {},
  tensors: [{ name: 'weights', shape: [values] }],
});
const policy = (collectForMs: number) =>
  `aggregation: { f: 0, before: [], rule: { kind: mean } }\nrounds: { collectForMs: ${collectForMs} }\n`;
const model = bytesOfValues(Float32Array.of(1, 2, 3));

/** What the journal holds of changes that a file declared. */
async function changesIn(federation: TestFederation): Promise<string[]> {
  const entries = await federation.audit();
  return entries.flatMap(({ event }) =>
    (event.kind === 'trackCreated' || event.kind === 'policySet') && event.reason.startsWith('declared')
      ? [`${event.kind} ${event.track}`]
      : [],
  );
}

describe('declareTracks', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);
  const declared = () => ({ id, spec: at('spec.json'), model: at('model.bin'), policy: at('policy.yaml') });

  beforeEach(async () => {
    folder = tempDir();
    await writeFile(at('spec.json'), specBytes(spec(3)));
    await writeFile(at('model.bin'), model);
    await writeFile(at('policy.yaml'), policy(60_000));
  });

  it('makes a track once, writes nothing for the same again, and sets a policy that changed without its model file', async () => {
    const federation = await TestFederation.start();
    const { engine } = federation.coordinator;
    unwrap(await declareTracks(engine, [declared()]));
    const made = engine.state().tracks.get(id);
    expect(made?.models.map(({ digest }) => digest)).toEqual([digestOf(model)]);
    await rm(at('model.bin'));
    unwrap(await declareTracks(engine, [declared()]));
    expect(await changesIn(federation)).toEqual(['trackCreated declared']);
    await writeFile(at('policy.yaml'), policy(90_000));
    unwrap(await declareTracks(engine, [declared()]));
    expect(await changesIn(federation)).toEqual(['trackCreated declared', 'policySet declared']);
    expect(engine.state().tracks.get(id)).toMatchObject({ policy: { rounds: { collectForMs: 90_000 } }, models: [{}] });
  });

  it('lets what an operator set go on while the file stays as it is, and goes by the file once that changes', async () => {
    const federation = await TestFederation.start();
    const { engine } = federation.coordinator;
    unwrap(await declareTracks(engine, [declared()]));
    const set = async (collectForMs: number) => {
      const settings = {
        track: id,
        spec: spec(3),
        policy: unwrap(parseTrackPolicy(policy(collectForMs))),
        reason: 'an alarm',
      };
      unwrap(await putTrack(engine, { kind: 'operator', name: 'ada', role: 'admin' }, settings, async () => ok(model)));
    };
    const kept: string[] = [];
    const start = async () => unwrap(await declareTracks(engine, [declared()], (track) => kept.push(track)));
    const inForce = () => engine.state().tracks.get(id)?.policy.rounds.collectForMs;
    await set(120_000);
    await start();
    await start();
    expect({ kept, inForce: inForce() }).toEqual({ kept: [id, id], inForce: 120_000 });
    expect(await changesIn(federation)).toEqual(['trackCreated declared']);

    await writeFile(at('policy.yaml'), policy(90_000));
    await start();
    expect(inForce()).toBe(90_000);
    await set(150_000);
    await start();
    expect({ kept, inForce: inForce() }).toEqual({ kept: [id, id, id], inForce: 150_000 });
    // Back in the file, it is what a start set last no more: going back is a change too.
    await writeFile(at('policy.yaml'), policy(60_000));
    await start();
    expect(inForce()).toBe(60_000);
    expect(kept).toHaveLength(3);
  });

  it('lets a sample that was put since change no policy by a start, and goes by it once the file changes', async () => {
    const federation = await TestFederation.start({ labels: { relay: 'yes' } });
    const { engine } = federation.coordinator;
    const open = (collectForMs: number) =>
      `aggregation: { f: 0 }\nrounds: { collectForMs: ${collectForMs}, quorum: { kind: count, updates: 3 } }\n`;
    await writeFile(at('spec.json'), specBytes({ ...spec(3), architecture: 'syscall-lstm-lm/1' }));
    await writeFile(at('policy.yaml'), open(60_000));
    const start = async () => {
      unwrap(await declareTracks(engine, [declared()]));
      const { policy: inForce } = engine.state().tracks.get(id) ?? {};
      return { rule: inForce?.aggregation.rule.kind, mix: inForce?.sample?.mix };
    };
    const compared = { rule: 'multiKrum', mix: undefined };
    expect(await start()).toEqual(compared);
    const classes = [{ name: 'nginx', normalCount: 1, attackCount: 1 }];
    const sample = { track: id, sample: Uint8Array.of(1), classes, reason: 'test' };
    const ada = { kind: 'operator', name: 'ada', role: 'admin' } as const;
    unwrap(await putSample(engine, ada, sample));
    expect(await start()).toEqual(compared);
    expect(await changesIn(federation)).toEqual(['trackCreated declared']);
    await writeFile(at('policy.yaml'), open(90_000));
    const weighed = { rule: 'trustedWeights', mix: 0.5 };
    expect([await start(), await start()]).toEqual([weighed, weighed]);
    expect(await changesIn(federation)).toEqual(['trackCreated declared', 'policySet declared']);
    // Nor does a later sample by which the file would say something else, or a region that joins.
    const bare = [{ name: 'nginx', normalCount: 0, attackCount: 1 }];
    unwrap(await putSample(engine, ada, { ...sample, classes: bare, sample: Uint8Array.of(2) }));
    expect(await start()).toEqual(weighed);
    unwrap(await putSample(engine, ada, { ...sample, sample: Uint8Array.of(3) }));
    await federation.enrol('region-a');
    expect(await start()).toEqual(weighed);
    expect(await changesIn(federation)).toEqual(['trackCreated declared', 'policySet declared']);
  });

  it('reports every track that cannot be what the file says, and leaves all as it was', async () => {
    const federation = await TestFederation.start();
    const { engine } = federation.coordinator;
    unwrap(await declareTracks(engine, [declared()]));
    await writeFile(at('other.json'), specBytes(spec(4)));
    const wanted = (name: string, more: object) => ({ ...declared(), id: parseTrackId(name), ...more });
    const refused = await declareTracks(engine, [
      { ...declared(), spec: at('other.json') },
      wanted('lost', { model: at('nowhere.bin') }),
      wanted('short', { spec: at('other.json') }),
    ]);
    const lines = refused.ok ? [] : refused.fault.message.split('\n');
    expect(lines).toEqual([
      'track declared: it exists with another model spec, which may not change; declare a new track',
      `track lost: ${at('nowhere.bin')} cannot be read (ENOENT)`,
      expect.stringMatching(/^track short: .*16/),
    ]);
    expect(refused).toMatchObject({ fault: { code: 'TRACKS_INVALID' } });
    expect(await changesIn(federation)).toEqual(['trackCreated declared']);
  });
});
