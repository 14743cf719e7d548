/** What the verbs on files do for feature rows. TensorFlow is loaded when they run. */
import { z } from 'zod';
import { ok, refuse } from '../../../../base/fault.ts';
import type { OfflineKind, OfflineOption } from '../../offline-kind.ts';
import { lineOf, writeLines } from '../../score-lines.ts';
import { rowsText } from './labelled-rows.ts';
import { evaluateRows, type JudgedRow, rowEvaluationText } from './row-evaluation.ts';

const normalOption: OfflineOption = {
  flags: '--normal <file>',
  about: 'rows whose normal ones set the scale; default: those in the model folder',
};
const judging = z.object({ normal: z.string().optional() });
const scaleRefused = '--without: only feature rows have columns to leave out';
const starting = z.object({ scaleFrom: z.string().optional(), without: z.array(z.string()).default([]) });
const training = z.object({ steps: z.string() });

export const featureRowsOffline: OfflineKind = {
  score: {
    about: 'a CSV file of feature rows with a header, plain or packed, into one line "line TAB score" per row',
    options: [normalOption],
    async run({ model, input, output, settings }) {
      const { openRowModel, readRowsOf } = await import('./row-model.ts');
      const judge = await openRowModel(model, judging.parse(settings).normal);
      if (!judge.ok) return judge;
      const file = await readRowsOf(model.spec, input);
      if (!file.ok) return file;
      const { rows } = file.value;
      const scores = judge.value.scores(rows.map(({ row }) => row));
      const lines = rows.map(({ line }, at) => lineOf([String(line), (scores[at] as number).toFixed(6)]));
      const written = await writeLines(lines, output);
      return written.ok ? ok(`${rowsText(file.value)}; all scored`) : written;
    },
  },

  evaluate: {
    about: 'labelled CSV files of feature rows',
    options: [normalOption],
    async run({ model, inputs, complain, settings }) {
      const { openRowModel, readRowsOf } = await import('./row-model.ts');
      const judge = await openRowModel(model, judging.parse(settings).normal);
      if (!judge.ok) return judge;
      const judged: JudgedRow[] = [];
      for (const input of inputs) {
        const file = await readRowsOf(model.spec, input);
        if (!file.ok) return file;
        const { rows } = file.value;
        const scores = judge.value.scores(rows.map(({ row }) => row));
        for (const [at, { row, label }] of rows.entries()) {
          judged.push({ label, content: JSON.stringify(row.fields), score: scores[at] as number });
        }
        complain(`${input}: ${rowsText(file.value)}`);
      }
      const evaluation = evaluateRows(judged);
      const { benign, hostile } = evaluation.overall;
      if (benign === 0 || hostile === 0) {
        const message = `${inputs.join(', ')}: ${benign} normal and ${hostile} hostile rows: without both there is nothing to tell apart`;
        return refuse('INPUT_UNREADABLE', message);
      }
      return ok({ detail: evaluation, text: rowEvaluationText(evaluation) });
    },
  },

  explain: {
    about: 'which columns of a row carried its score; --trace is its line in the file',
    options: [normalOption],
    async run({ model, name, input, settings }) {
      const { openRowModel, readRowsOf } = await import('./row-model.ts');
      const judge = await openRowModel(model, judging.parse(settings).normal);
      if (!judge.ok) return judge;
      const file = await readRowsOf(model.spec, input);
      if (!file.ok) return file;
      const found = file.value.rows.find(({ line }) => String(line) === name);
      if (found === undefined) return refuse('TRACE_NOT_FOUND', `${input} holds no row in line ${name}`);
      const [score] = judge.value.scores([found.row]);
      const { detail, text } = judge.value.explain(found.row);
      return ok({
        detail: { line: found.line, score, ...detail },
        text: `line ${name}: score ${(score as number).toFixed(3)}\n${text}`,
      });
    },
  },

  init: {
    about: 'an autoencoder of feature rows',
    training: 'training: { epochs: 20, stepsMax: 400, batchSize: 256, learningRate: 0.003 }',
    options: [
      {
        flags: '--scale-from <file>',
        about: 'rows that all clusters may know: their columns and their scale become part of the spec',
      },
      {
        flags: '--without <column...>',
        about: 'columns to leave out, such as those that give the label away',
        refusedElsewhere: scaleRefused,
      },
    ],
    async run({ settings }) {
      const { scaleFrom, without } = starting.parse(settings);
      if (scaleFrom === undefined)
        return refuse(
          'OPTION_WRONG',
          '--scale-from: feature rows need a file whose columns and scale all clusters share',
        );
      const { rowModelStart } = await import('./row-model-start.ts');
      return await rowModelStart(scaleFrom, without);
    },
  },

  train: {
    about: 'the normal rows of CSV files',
    options: [{ flags: '--steps <count>', about: 'gradient steps of 256 rows each', default: '2000' }],
    async run({ model, inputs, output, seed, settings }) {
      const steps = Number(training.parse(settings).steps);
      if (!Number.isInteger(steps) || steps < 1)
        return refuse('OPTION_WRONG', `--steps: expected a whole number from 1, got ${settings.steps}`);
      const { trainRowModel } = await import('./train-rows.ts');
      return await trainRowModel(model, inputs, output, { steps, seed });
    },
  },
};
