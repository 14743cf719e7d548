import type { DatabaseGround } from './ground/database/database-ground.ts';
import type { Stage } from './invariants/stage.ts';
import type { Deed } from './plan.ts';
import type { SimulatedCoordinator } from './players/coordinator.ts';

const minuteMs = 60_000;
/** A leader that is well has beaten twice within this, and so learnt what became of its database. */
const noticesWithin = 6;
const cancellations = 8;
const cancelEveryMs = 400;

/** Does to a database what a plan says; gives how to undo it. `came`: told when it comes to pass, at once or later. */
export function beginOnDatabase(
  deed: Extract<Deed, { kind: 'database' }>,
  stage: Stage,
  came: () => void,
): (() => void) | undefined {
  const { database: ground, coordinators, world } = stage;
  const line = ground?.lines.get('coordinator');
  if (ground === undefined || line === undefined || ground.rolledBack !== undefined) return undefined;
  const { database } = ground;
  switch (deed.act) {
    case 'answerLost':
      line.loses = { in: deed.count, came };
      return undefined;
    case 'coordinatorKilled':
      line.kills = { in: deed.count, came };
      return undefined;
    case 'requestsHeld':
      line.mood = 'held';
      came();
      return () => line.heal();
    case 'answersHeld':
      line.mood = 'deaf';
      came();
      return () => line.heal();
    case 'lineCut':
      line.cut();
      came();
      return () => line.heal();
    case 'crash':
      if (database.isUp) came();
      database.crash();
      return () => database.startAgain();
    case 'full':
      database.isFull = true;
      came();
      return () => {
        database.isFull = false;
      };
    case 'standbyAway':
      if (database.isReplicated) came(); // Else nobody waits for it.
      database.standbyAway = true;
      return () => {
        database.standbyAway = false;
      };
    case 'waitsCancelled':
      line.atLines = () => {
        database.standbyAway = true;
        // Again and again: what it asks after that waits too.
        let isTold = false;
        const cancel = () => {
          if (!database.cancelWaits() || isTold) return;
          isTold = true;
          came();
        };
        for (let at = 1; at < cancellations; at += 1) world.after(at * cancelEveryMs, cancel);
        world.after(cancellations * cancelEveryMs, () => {
          database.standbyAway = false;
        });
      };
      return undefined;
    case 'noStandbyNamed':
      if (!database.isReplicated) return undefined;
      // Operators do it because what is written waits for one that is away.
      line.atLines = () => {
        database.standbyAway = true;
        world.after(cancelEveryMs, () => {
          if (!database.isStandbyAway) return;
          database.standbyNames = '';
          came();
        });
        world.after(deed.forMs, () => {
          database.standbyAway = false;
          database.standbyNames = 'second';
        });
      };
      return undefined;
    case 'failOver':
      return failOver(ground, deed.forMs, stage, came);
    case 'standby': {
      const rival = coordinators[1] as SimulatedCoordinator;
      if (rival.process?.isAlive === true) return undefined;
      rival.how = 'standby';
      rival.start();
      came();
      return () => rival.stop();
    }
  }
}

/** The standby is promoted. A synchronous one lacks nothing; another one may, and then operators bring the old one back. */
function failOver(ground: DatabaseGround, forMs: number, stage: Stage, came: () => void): (() => void) | undefined {
  const { database } = ground;
  if (database.standby === undefined) return undefined;
  if (database.isReplicated) {
    database.promote();
    came();
    return () => database.makeStandby();
  }
  database.standbyAway = true;
  stage.world.after(forMs, () => {
    const there = database.standby?.journal;
    const { rows, epoch } = database.primary.journal;
    // Where it lacks a beat alone nobody can tell, and nothing is lost.
    if (database.isUp && there !== undefined && (there.rows.length < rows.length || there.epoch < epoch)) {
      promoteLagging(ground, stage);
      came();
    } else database.standbyAway = false;
  });
  return undefined;
}

function promoteLagging(ground: DatabaseGround, { coordinators, history, report, world }: Stage): void {
  const { database } = ground;
  const old = database.primary;
  const [first, rival] = coordinators as [SimulatedCoordinator, SimulatedCoordinator];
  rival.stop();
  first.leaveAlone();
  database.crash();
  const { rows, epoch } = database.standby?.journal ?? old.journal;
  const bringBack = () => {
    ground.rolledBack = undefined;
    database.bringBack(old);
    database.standbyAway = false;
    first.start();
  };
  ground.rolledBack = { rows: rows.length, epoch, bringBack };
  history.note('database', `a standby is promoted that lacks ${old.journal.rows.length - rows.length} lines`);
  database.promote();
  let wellFor = 0;
  const look = () => {
    if (ground.rolledBack?.bringBack !== bringBack) return;
    if (first.process?.isAlive !== true) {
      bringBack();
      return;
    }
    const line = ground.lines.get(first.name);
    wellFor = first.process.isPaused || line?.mood !== 'well' || !database.isUp ? 0 : wellFor + 1;
    if (wellFor > noticesWithin)
      report('ROLL_BACK_UNSEEN', 'the coordinator goes on over what lacks acknowledged lines');
    world.after(minuteMs, look);
  };
  world.after(5 * minuteMs, look);
}
