import { closeSync, openSync, readSync } from 'node:fs';
import { Command } from '@commander-js/extra-typings';
import { readWholeText } from '../../base/text/read-whole.ts';
import { time } from '../../base/text/table.ts';
import type { VerifierKey } from '../../proto/transparency/signed-note.ts';
import { orExit, usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { print } from '../print.ts';

/** `testudo audit verify`: what was handed out of the journal, checked by whoever got it, without the coordinator. */
export function verifyExportCommand() {
  return new Command('verify')
    .description(
      'check an export of the journal, or a proof of one entry, anywhere: `testudo coordinator export-audit` and `prove` write them',
    )
    .argument('<file>')
    .option('--head <sequence:chain...>', 'heads that were noted earlier: nothing up to there was rewritten since')
    .option(
      '--key <key...>',
      "the key that signs the journal's heads, as `testudo coordinator checkpoint-key` prints it",
    )
    .option('--witness <key...>', 'keys of second parties, each of which must have cosigned a head that is in it')
    .option('--cosigned <file...>', 'heads that witnesses cosigned, as they gave them')
    .option('--json', 'what was found, as JSON')
    .action(async (file, { head: noted = [], key = [], witness = [], cosigned = [], json }) => {
      const heads = noted.map(headFrom);
      const { parseVerifierKey } = await import('../../proto/transparency/signed-note.ts');
      const keysOf = (texts: readonly string[]) => texts.map((text) => orExit(parseVerifierKey(text)));
      if (isProof(file)) {
        const unheard = Object.entries({ head: noted, witness, cosigned }).filter(([, given]) => given.length > 0);
        if (unheard.length > 0) {
          const named = unheard.map(([name]) => `--${name}`).join(', ');
          usage(`${named}: of a proof of one entry only the key is checked (--key); give these with an export`);
        }
        return verifyProof(file, keysOf(key), json);
      }
      const { verifyExport } = await import('../../coordinator/transparency/verify-export.ts');
      const { parseCheckpoint } = await import('../../proto/transparency/checkpoint.ts');
      const verified = orExit(
        await verifyExport(file, {
          heads,
          keys: keysOf(key),
          witnesses: keysOf(witness),
          cosigned: cosigned.map((path) => orExit(parseCheckpoint(readWholeText(path)))),
        }),
      );
      const { first, last, entries, checkpoints, keysGiven, witnessed } = verified;
      if (json) {
        const { seq, chain } = last;
        return print(wireJson({ first, last: seq, entries, chain, checkpoints, keysGiven, witnessed }));
      }
      const kept =
        noted.length === 0 ? '' : `; ${noted.length === 1 ? 'the head' : 'all heads'} that you noted stand in it`;
      print(`sound: entries ${first} to ${last.seq}${kept}`);
      print(signedLine(checkpoints, keysGiven));
      for (const { name, size, atSeconds } of witnessed) {
        print(`${name} cosigned entries 1 to ${size} on ${time(atSeconds * 1_000)}`);
      }
      print(`note its head  ${last.seq}:${last.chain}`);
    });
}

function signedLine(checkpoints: number, keysGiven: boolean): string {
  if (checkpoints === 0) return 'no head in it is signed: whoever wrote the file could have written another one';
  const heads = checkpoints === 1 ? 'its signed head fits' : `its ${checkpoints} signed heads fit`;
  if (keysGiven) return `${heads}, and the key that you gave signed them`;
  return `${heads}, signed by the key that it names itself: give --key, as the coordinator's operator told it to you`;
}

/** Read from its beginning: an export may be larger than memory. */
function isProof(file: string): boolean {
  const opened = openSync(file, 'r');
  try {
    const start = Buffer.alloc(22);
    readSync(opened, start, 0, start.byteLength, 0);
    return start.toString('utf8') === 'c2sp.org/tlog-proof@v1';
  } finally {
    closeSync(opened);
  }
}

async function verifyProof(file: string, keys: readonly VerifierKey[], json: true | undefined): Promise<void> {
  const { verifyInclusion } = await import('../../coordinator/transparency/verify-proof.ts');
  if (keys.length === 0)
    usage("--key: a proof of one entry is worth what the journal's key is: give the key that signs heads");
  const { sequence, body, ofEntries } = orExit(verifyInclusion(readWholeText(file), keys));
  if (json) return print(wireJson({ sequence, body, ofEntries }));
  print(`sound: this is entry ${sequence} of the ${ofEntries} that the signed head covers\n${body}`);
}

function headFrom(text: string) {
  const [, sequence, chain] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence === undefined || chain === undefined) usage(`--head: expected SEQUENCE:CHAIN, got ${text}`);
  return { seq: Number(sequence), chain };
}
