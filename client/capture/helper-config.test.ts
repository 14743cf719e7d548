import { describe, expect, it } from 'vitest';
import { parseHelperConfig } from './helper-config.ts';

const files = 'certificateFile: h.crt\nkeyFile: h.key\nauthorityFile: ca.crt\ndataDirectory: data';
const parse = (text: string) => parseHelperConfig({ file: { path: '/etc/testudo/helper.yaml', text } });

describe('the settings of a node helper', () => {
  it('are three files and a folder; no memory is copied unless somebody says so', () => {
    expect(parse(files)).toMatchObject({
      ok: true,
      value: {
        ...{ certificateFile: '/etc/testudo/h.crt', dataDirectory: '/etc/testudo/data', memoryBytesMax: 0 },
        ...{ agentName: 'testudo-agent', cgroups: { root: '/sys/fs/cgroup', parent: '' } },
      },
    });
  });

  it.each([
    ['no authority', files.replace('authorityFile: ca.crt\n', ''), 'authorityFile'],
    ['a parent outside of the root', `${files}\ncgroups: {parent: "a/../../etc"}`, 'cgroups.parent'],
    ['an absolute parent', `${files}\ncgroups: {parent: /etc}`, 'cgroups.parent'],
    ['more memory than an answer holds', `${files}\nmemoryBytesMax: 100000000`, 'memoryBytesMax'],
  ])('refuse %s', (_what, text, message) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.fault.message).toContain(message);
  });
});
