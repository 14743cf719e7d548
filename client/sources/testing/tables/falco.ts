import { falcoFile } from '../../falco-file.ts';
import type { ItemShape, ReaderTable } from '../reader-case.ts';

const atMs = Date.parse('2026-02-22T10:53:13.816Z');
const label = (over: Record<string, unknown>): ItemShape => ({ kind: 'label', label: { atMs, ...over } });
const skipped = (reason: string): ItemShape => ({ kind: 'skipped', reason });

const alert = (fields: string, over = '"priority":"Notice","rule":"Terminal shell in container"') =>
  `{"hostname":"falco-4cvkq","output":"10:53:13.816521484: Notice A shell was spawned (container_id=97c9868ea832)",${over},"source":"syscall","tags":["container"],"time":"2026-02-22T10:53:13.816521484Z","output_fields":{${fields}}}`;
const id = '97c9868ea832551e161c47d8ff0eb665438a7bcd5b4e3ef5a297282b40a92b7c';

export const falco: ReaderTable = {
  source: 'falcoFile',
  title: 'Falco',
  format: 'json',
  notes: [
    'Alerts are labels: hints about which of our own alerts are true. One is matched by the container’s id, where twelve digits of it are known on both sides, or by the pod, within a minute, whichever comes first; `testudo_client_intrusion_labels_total` counts the matched and the unmatched.',
    'Pod, namespace and container are taken from `output_fields` alone: the text repeats what a process chose to be called.',
  ],
  cases: [
    {
      tool: 'Falco',
      versions: '0.28 to 0.41',
      shape: 'a pod by `k8s.*`',
      lines: [
        alert(
          '"container.id":"97c9868ea832","container.name":"web","evt.time":1771757593816521484,"k8s.ns.name":"shop","k8s.pod.name":"web-1","proc.cmdline":"sh -c id","user.loginuid":-1',
        ),
      ],
      items: [
        label({
          rule: 'Terminal shell in container',
          priority: 'Notice',
          namespace: 'shop',
          pod: 'web-1',
          container: '97c9868ea832',
        }),
      ],
    },
    {
      tool: 'Falco',
      versions: '0.37 to 0.41',
      shape: 'a pod by the plugin `k8smeta`, whole ids of containers',
      lines: [
        alert(
          `"container.id":"97c9868ea832","container.full_id":"${id}","k8s.ns.name":null,"k8s.pod.name":null,"k8smeta.ns.name":"shop","k8smeta.pod.name":"web-1"`,
        ),
        alert(`"container.id":"containerd://${id}","k8smeta.pod.name":"<NA>"`),
      ],
      items: [
        label({ namespace: 'shop', pod: 'web-1', container: id }),
        label({ namespace: '', pod: '', container: id }),
      ],
    },
    {
      tool: 'Falco',
      versions: '0.31 to 0.41',
      shape: '`null`, `<NA>`, processes of the host',
      lines: [
        alert('"container.id":"f36f482d44ea","container.image.repository":null,"k8s.ns.name":null,"k8s.pod.name":null'),
        alert('"container.id":"host","container.name":"host","k8s.ns.name":"<NA>","k8s.pod.name":"<NA>"'),
      ],
      items: [
        label({ namespace: '', pod: '', container: 'f36f482d44ea' }),
        label({ namespace: '', pod: '', container: '' }),
      ],
    },
    {
      tool: 'Falco k8saudit',
      versions: '0.2 to 0.14',
      shape: 'audit events of pods, and of other objects',
      lines: [
        alert(
          '"ka.target.name":"web-1","ka.target.namespace":"shop","ka.target.resource":"pods","ka.target.subresource":"exec"',
        ),
        alert('"ka.resp.name":"web-1","ka.target.name":null,"ka.target.namespace":"shop","ka.target.resource":"pods"'),
        alert('"ka.target.name":"default","ka.target.namespace":"shop","ka.target.resource":"serviceaccounts"'),
      ],
      items: [
        label({ namespace: 'shop', pod: 'web-1' }),
        label({ namespace: 'shop', pod: 'web-1' }),
        label({ namespace: 'shop', pod: '' }),
      ],
    },
    {
      tool: 'Falco, falcosidekick',
      versions: 'any',
      shape: 'times: ISO, `evt.time` and its kin in s, ms, µs and ns, as number and as text',
      lines: [
        '{"rule":"r","time":"2026-02-22T11:53:13.816521484+01:00"}',
        '{"rule":"r","time":"2026-02-22T10:53:13.8Z+2","output_fields":{"evt.time":1771757593816521484}}',
        '{"rule":"r","output_fields":{"evt.time.iso8601":1771757593816521}}',
        '{"rule":"r","output_fields":{"evt.time":"10:53:13.816521484","evt.rawtime":"1771757593816521484"}}',
        '{"rule":"r","time":1771757593816,"output_fields":{}}',
        '{"rule":"r","output_fields":{"jevt.time.iso8601":"2026-02-22T10:53:13.816Z"}}',
      ],
      items: Array<ItemShape>(6).fill(label({})),
    },
    {
      tool: 'Falco, falcosidekick',
      versions: 'any',
      shape: 'times that nobody can have meant, of 1970 and of 2999, before one that is; and alone',
      lines: [
        '{"rule":"r","time":"1970-01-01T00:00:00Z","output_fields":{"evt.time":1771757593816521484}}',
        '{"rule":"r","time":"2999-01-01T00:00:00Z","output_fields":{"evt.time":1771757593816521484}}',
        '{"rule":"r","time":"2999-01-01T00:00:00Z"}',
      ],
      items: [label({}), label({}), { kind: 'label', label: { rule: 'r', atMs: 0 } }],
    },
    {
      tool: 'Falco, falcosidekick',
      versions: 'any',
      shape: 'spellings of priorities',
      lines: ['Informational', 'INFO', 'warning', 'ERR', 'CRITICAL'].map((priority) =>
        alert('', `"priority":"${priority}","rule":"r"`),
      ),
      items: ['Informational', 'Informational', 'Warning', 'Error', 'Critical'].map((priority) => label({ priority })),
    },
    {
      tool: 'Falco',
      versions: '0.28 to 0.41',
      shape: 'its own news: dropped events, statistics; and what is no alert',
      lines: [
        '{"output":"Falco internal: syscall event drop. 5 system calls dropped in last second.","priority":"Debug","rule":"Falco internal: syscall event drop","time":"2026-02-22T10:53:13Z","output_fields":{"ebpf_enabled":"1","n_drops":"5","n_drops_perf":"0","n_evts":"1005"}}',
        '{"rule":"Falco internal: syscall event drop","time":"2026-02-22T10:53:13Z","output_fields":{"n_drops":null}}',
        '{"rule":"Falco internal: metrics snapshot","source":"internal","output_fields":{"evt.source":"syscall"}}',
        '{"output":"no rule"}',
        'Sun Feb 22 10:53:13 2026: Falco version: 0.41.0 (x86_64)',
        '[]',
      ],
      items: [
        { kind: 'lost', count: 5 },
        skipped('BAD_FIELD'),
        skipped('IGNORED_EVENT_TYPE'),
        skipped('INCOMPLETE_EVENT'),
        skipped('MALFORMED_JSON'),
        skipped('NOT_AN_OBJECT'),
      ],
    },
  ],
  open: falcoFile,
};
