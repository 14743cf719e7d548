import { Command } from '@commander-js/extra-typings';
import { onOneLine } from '../../base/text/printable.ts';
import { readWholeText, textBytesMax } from '../../base/text/read-whole.ts';
import { jsonLine } from '../../base/text/table.ts';
import { readImageKey } from '../../client/posture/images/image-key.ts';
import { verdictOf } from '../../client/posture/images/pod-images.ts';
import { readSignedLayout, type SignedLayout } from '../../client/posture/images/signed-layout.ts';
import { readObjects } from '../../client/posture/read.ts';
import { postureRules } from '../../client/posture/rules.ts';
import { type Finding, findingsOf } from '../../client/response/posture/findings.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { readText } from '../operator/root-files.ts';
import { print } from '../print.ts';

/** `testudo posture`: what makes an intruder's life easy, and what to write instead. */
export function postureCommand() {
  return new Command('posture')
    .description(
      "What makes an intruder's life easy in these pods, with the fix for each: `kubectl get pods,networkpolicies -A -o json | testudo posture`.",
    )
    .argument('[file]', 'what kubectl printed; standard input unless given', '-')
    .option('-n, --namespace <name>', 'of this namespace alone')
    .option(
      '--image-key <file...>',
      'a public key that signs images, as PEM or 64 hexadecimal digits: what it has not signed is found too',
    )
    .option('--images <folder...>', 'an OCI layout with images and their signatures, to look in')
    .option('--json', 'one JSON value a line')
    .action(async (file, { namespace, json, imageKey = [], images = [] }) => {
      const layouts = await layoutsOf(imageKey, images);
      const { pods, policies } = readObjects(objectsIn(file));
      if (pods.length === 0) {
        const message = `${file}: holds no pod, so nothing can be said; give what \`kubectl get pods -A -o json\` prints`;
        exitWith({ code: 'INPUT_UNREADABLE', message });
      }
      const looked = pods.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
      if (looked.length === 0) {
        const message = `${file}: holds no pod of namespace ${namespace}, so nothing can be said; is the name right?`;
        exitWith({ code: 'INPUT_UNREADABLE', message });
      }
      const found = findingsOf(looked, policies, layouts && ((digest) => verdictOf(digest, layouts)));
      if (json === true) {
        for (const finding of found) print(jsonLine({ ...finding, ...postureRules[finding.code] }));
        return;
      }
      print(found.length === 0 ? `nothing found in ${looked.length} pod(s)` : reportOf(found));
    });
}

/** undefined where nobody asked for signatures. */
async function layoutsOf(
  keyFiles: readonly string[],
  folders: readonly string[],
): Promise<readonly SignedLayout[] | undefined> {
  if (keyFiles.length === 0 && folders.length === 0) return undefined;
  if (keyFiles.length === 0 || folders.length === 0) {
    usage('give both --image-key and --images: whose signatures count, and where they lie');
  }
  const keys = keyFiles.map((file) => orExit(readImageKey(readText(file))));
  const read = await Promise.all(folders.map((folder) => readSignedLayout(folder, keys)));
  return read.map((layout) => orExit(layout));
}

/** By workload, the gravest first; below each what is to be written. */
function reportOf(found: readonly Finding[]): string {
  const workloads = new Map<string, Finding[]>();
  for (const finding of found) {
    const key = `${finding.namespace}/${finding.workload}`;
    workloads.set(key, [...(workloads.get(key) ?? []), finding]);
  }
  const parts = [...workloads].map(([workload, mine]) => {
    const lines = mine.map(({ code, detail, pods }) => {
      const { weight, what, fix } = postureRules[code];
      const of = detail === '' ? '' : ` (${detail})`;
      return `  ${'!'.repeat(weight).padEnd(3)} ${onOneLine(`${what}${of}, ${pods} pod(s)`)}\n      ${fix}`;
    });
    return `${onOneLine(workload)}\n${lines.join('\n')}`;
  });
  return parts.join('\n\n');
}

function objectsIn(file: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(readWholeText(file === '-' ? 0 : file, textBytesMax));
  } catch (error) {
    return exitWith({ code: 'FILE_REFUSED', message: `${file}: no JSON of kubectl's (${(error as Error).message})` });
  }
  const { items } = (value ?? {}) as { items?: unknown };
  return Array.isArray(items) ? items : [value];
}
