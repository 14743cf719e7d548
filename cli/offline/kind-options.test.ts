import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { runTestudo } from '../testing/command-line.ts';

const header =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
const rows = Array.from({ length: 6 }, (_, at) => `${at * 40},0.1,c,web,db,5432,tcp,100,200,3,4,normal,normal`);

describe('the kind that a verb on files is for', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-kinds-'));
    const spec = linkSpec('gcn');
    await saveFlowModel(at('model'), { spec, weights: initialLinkModel(spec, 1), clusters: new Map() });
    await writeFile(at('flows.csv'), [header, ...rows].join('\n'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is the one that the model is of, unless --track names another', async () => {
    const words = ['score', '--model', at('model'), '--input', at('flows.csv'), '--output', '-'];
    const [asked, named, other] = await Promise.all([
      runTestudo(...words),
      runTestudo(...words, '--track', 'flow'),
      runTestudo(...words, '--track', 'syscall'),
    ]);
    expect(named).toMatchObject({ code: 0, error: '6 flows in 4 windows scored\n' });
    expect(named.out.trimEnd().split('\n')).toHaveLength(4);
    expect(asked).toEqual(named);
    expect(other).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringMatching(/^MODEL_UNKNOWN: .*the syscall track/),
    });
  });

  it('is refused by name where it does not offer the verb, or where an option is only for another', async () => {
    const [explained, unknown, scaled, units, classes] = await Promise.all([
      runTestudo('explain', 'one', '--model', at('model'), '--input', at('flows.csv')),
      runTestudo('score', '--model', at('model'), '--input', 'x', '--output', '-', '--track', 'telepathy'),
      runTestudo('model', 'init', at('new'), '--classes', 'nginx', '--scale-from', at('flows.csv')),
      runTestudo('score', '--model', at('model'), '--by', 'trace', '--input', at('flows.csv'), '--output', '-'),
      runTestudo('model', 'init', at('new'), '--classes', 'two words'),
    ]);
    const flowOnly = 'flow-gcn/1 is of the flow track; explain is offered by: api, feature-rows, syscall';
    expect(explained).toMatchObject({ code: 1, error: `MODEL_UNKNOWN: ${at('model')}: ${flowOnly}\n` });
    expect(unknown).toMatchObject({
      code: 2,
      error: expect.stringContaining('Allowed choices are api, feature-rows, flow, syscall.'),
    });
    const scale = 'USAGE: --scale-from: only --track flow --detector feature-autoencoder has a scale\n';
    expect(scaled).toMatchObject({ code: 2, error: scale });
    expect(units).toMatchObject({
      code: 2,
      error: 'USAGE: --by: the flow track scores by edge or workload or minute, not by trace\n',
    });
    expect(classes).toMatchObject({ code: 2, error: expect.stringMatching(/^USAGE: --classes: /) });
  });

  it('is shown with its options by --help', async () => {
    const { out } = await runTestudo('evaluate', '--help');
    const text = out.replaceAll(/\s+/g, ' ');
    expect(text).toContain('flow: length of a window of the service graph; 60 unless given');
    expect(text).toContain(
      'flow: normal flows of the same cluster that its local memory learns first; syscall: traces',
    );
  });
});
