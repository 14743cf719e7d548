import { describe, expect, it } from 'vitest';
import { parseAgentConfig } from './agent-config.ts';

const parse = (text: string) => parseAgentConfig({ file: { path: '/etc/testudo/agent.yaml', text } });

describe('the settings of an agent', () => {
  it('are few: where it writes and where it acts', () => {
    const parsed = parse('dataDirectory: data\nnamespaces: [shop]');
    expect(parsed).toMatchObject({
      ok: true,
      value: { dataDirectory: '/etc/testudo/data', namespaces: ['shop'], lease: { namespace: 'testudo' } },
    });
  });

  it.each([
    ['no namespace', 'dataDirectory: d\nnamespaces: []', 'namespaces'],
    ['a namespace twice', 'dataDirectory: d\nnamespaces: [a, a]', 'a is listed twice'],
    ['a path in the place of a namespace', 'dataDirectory: d\nnamespaces: ["../x"]', 'as Kubernetes writes it'],
    [
      'a holder that gives up too late',
      'dataDirectory: d\nnamespaces: [a]\nlease: {durationSeconds: 12}',
      'must fit into durationSeconds (12)',
    ],
  ])('refuse %s', (_what, text, message) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.fault.message).toContain(message);
  });

  it('take keys and layouts of images beside the configuration, and neither without the other', () => {
    const images = (text: string) => parse(`dataDirectory: d\nnamespaces: [a]\nimages: {${text}}`);
    expect(images('keys: [cosign.pub], layouts: [web]')).toMatchObject({
      value: { images: { keys: ['/etc/testudo/cosign.pub'], layouts: ['/etc/testudo/web'], everySeconds: 60 } },
    });
    expect(images('keys: [cosign.pub]')).toMatchObject({ ok: false, fault: { code: 'CONFIG_INVALID' } });
  });

  it('take the helpers of nodes with files beside the configuration, and hold a pod for two minutes at most', () => {
    const helper = (more = '') =>
      parse(
        [
          'dataDirectory: d\nnamespaces: [a]\nquarantine:\n  cluster: eu-1\n  releases: r.json\n  alerts: [a.jsonl]',
          `  nodeHelper: {certificateFile: c.crt, keyFile: c.key, authorityFile: /ca.crt${more}}`,
        ].join('\n'),
      );
    expect(helper()).toMatchObject({
      value: {
        quarantine: {
          nodeHelper: {
            ...{ certificateFile: '/etc/testudo/c.crt', keyFile: '/etc/testudo/c.key', authorityFile: '/ca.crt' },
            ...{ port: 9467, helperName: 'testudo-node-helper', holdSeconds: 15, memoryBytes: 0 },
          },
        },
      },
    });
    const late = helper(', holdSeconds: 121');
    expect(late.ok ? '' : late.fault.message).toContain('quarantine.nodeHelper.holdSeconds');
  });
});
