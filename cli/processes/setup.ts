import { Command } from '@commander-js/extra-typings';
import { addOnsKey } from '../../base/add-ons/places.mjs';
import { setUpAddOnsOrExit, setUpOrExit } from '../../tools/setup.mjs';
import { print } from '../print.ts';

/** `testudo setup`: what most commands do without, for those that need it. */
export function setupCommand() {
  return new Command('setup')
    .description(
      'fetch what most commands do without: TensorFlow and ONNX Runtime for neural detectors, and plots for the demo',
    )
    .option('--to <folder>', 'where it goes; commands look there when TESTUDO_ADD_ONS names it')
    .option('--pure-js', 'do without the native TensorFlow library; commands then need TESTUDO_TF=js (slow)', false)
    .addHelpText(
      'after',
      `
Needs npm and, for native TensorFlow, python3 with pip and a C++ compiler. As root it goes where every user of the machine
finds it, else where you do. What is there already is left alone.`,
    )
    .action(async ({ to, pureJs }) => {
      if (addOnsKey() === undefined) {
        await setUpOrExit({ pureJs, redis: 'no' });
        print('ready: a checkout has it among its own packages');
        return;
      }
      const folder = await setUpAddOnsOrExit({ to, pureJs });
      print(`ready: ${folder}`);
    });
}
