import type { RoundView } from '../../../coordinator/web/shapes.ts';
import { Mark, Said, type Sign } from '../../parts/text.tsx';

/** How far a round came, and how it ended. */
export function Phase({ row: { phase, abandonedBecause } }: Readonly<{ row: RoundView }>) {
  const sign: Sign = phase === 'candidate' ? 'good' : phase === 'abandoned' ? 'warning' : 'notice';
  return (
    <>
      <Mark sign={sign} /> {phase === 'candidate' ? 'gave a candidate' : phase}
      {abandonedBecause !== null && (
        <>
          : <Said text={abandonedBecause} />
        </>
      )}
    </>
  );
}
