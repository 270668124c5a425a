/** One change that is disturbed: the fault at its point, the hosts' state when their time is over, and the next deploy. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, CaseOutcome } from './case.js';
import { CaseNotes } from './case-notes.js';
import type { DeployOutcome, DisturbedDeploy } from './disturbed-deploy.js';
import type { Scene } from './fault.js';
import type { KnownGeneration } from './generations.js';
import { generationOf, type Allowance, type Problem } from './judge.js';
import { createRandom, type Random } from './random.js';
import type { Site } from './site.js';

/** A controller whose line was cut waits for its own timeouts: the longest step, and the end of a session. In seconds. */
const CONTROLLER_SECONDS = 180;
/** What the hosts have beyond the window, and how long sessions may take to close. In seconds. */
const GRACE_SECONDS = 10;
const POLL_MS = 300;

export async function runCase(site: Site, plan: Case): Promise<CaseOutcome> {
  const started = performance.now();
  const run = new CaseRun(site, plan);
  const bystanders = await site.watchBystanders();
  await run.disturb();
  await run.judgeHosts();
  await run.repair();
  const losses = await bystanders.stop();
  return run.result(losses, Math.round((performance.now() - started) / 100) / 10);
}

class CaseRun {
  readonly #site: Site;
  readonly #plan: Case;
  readonly #old: KnownGeneration;
  readonly #target: KnownGeneration;
  readonly #random: Random;
  readonly #notes: CaseNotes;
  #controller: DisturbedDeploy | undefined;
  #outcome: DeployOutcome | undefined;
  #wasReached = false;
  /** When the hosts' time began. */
  #since = 0;

  constructor(site: Site, plan: Case) {
    if (site.current === undefined) throw new Error('the site is not in order');
    this.#site = site;
    this.#plan = plan;
    this.#notes = new CaseNotes(plan.fault);
    this.#random = createRandom(plan.seed);
    this.#old = site.current;
    this.#target = pickTarget(site, this.#old, plan.point?.needs === 'refusal', this.#random);
  }

  get #allowance(): Allowance {
    const { fault } = this.#plan;
    const known = fault.anyGeneration === true ? this.#site.peace.generations : [this.#old, this.#target];
    return { generations: known.map(({ name }) => name), stagedAt: fault.stagedAt ?? [] };
  }

  /** Starts the change, and makes the fault happen at its point. */
  async disturb(): Promise<void> {
    const { fault, point } = this.#plan;
    const templates = await fault.templates?.(this.#site);
    await fault.arm?.(this.#site);
    if (point?.needs === 'refusal') await this.#refuse();
    const controller = await this.#site.startDeploy(await this.#site.inventoryOf(this.#target, templates), point);
    this.#controller = controller;
    this.#wasReached = await controller.reached;
    if (this.#wasReached) {
      const scene: Scene = {
        site: this.#site,
        controller,
        old: this.#old,
        target: this.#target,
        random: this.#random,
        demandState: async () => this.#demandState(),
      };
      if (point?.phase === 'during') await sleep(point.delayMs);
      await fault.inject?.(scene);
      controller.resume();
      await fault.follow?.(scene);
    }
    this.#since = Date.now();
  }

  /** A firewall on the spoke: what comes for the new end is dropped. Its port is one that the old end does not have. */
  async #refuse(): Promise<void> {
    const policy = `src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport ${this.#target.dstport} dir in action block`;
    await this.#site.shell('spoke', `ip xfrm policy add ${policy}`);
  }

  async #demandState(): Promise<void> {
    const problems = await this.#poll(Date.now(), this.#allowance, isAboutTunnel, 'stopped');
    this.#notes.blame(problems.map(({ text }) => `while it was stopped: ${text}`));
  }

  /** Waits for the hosts, as long as the contract gives them, and for the controller. */
  async judgeHosts(): Promise<void> {
    const { fault } = this.#plan;
    const limit = this.#since + (fault.settleSeconds ?? this.#site.windowSeconds + GRACE_SECONDS) * 1000;
    const controller = this.#controller;
    if (controller === undefined) return;
    await Promise.race([controller.ended, sleepUntil(limit)]);
    this.#notes.accept(await this.#poll(limit, this.#allowance, isAboutTunnel, 'settled'));
    this.#outcome = await this.#awaitEnd(controller);
    this.#notes.evidence['deploy.out'] = this.#outcome.stdout + this.#outcome.stderr;
    const limitOfRemains = Math.max(limit, Date.now() + GRACE_SECONDS * 1000);
    this.#notes.accept(await this.#poll(limitOfRemains, this.#allowance, () => true, 'ended'));
    await this.#compareWithReport();
  }

  async #awaitEnd(controller: DisturbedDeploy): Promise<DeployOutcome> {
    const timer = new AbortController();
    const ended = await Promise.race([
      controller.ended,
      sleep(CONTROLLER_SECONDS * 1000, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
    if (ended !== undefined) return ended;
    this.#notes.blame([`the controller did not end within ${CONTROLLER_SECONDS} s`]);
    controller.signal('SIGKILL');
    return controller.ended;
  }

  /** What vxfleet says must be what is so. */
  async #compareWithReport(): Promise<void> {
    const { fault } = this.#plan;
    const status = this.#outcome?.recap?.tunnels[0]?.status;
    // It owns up to not knowing, or the host may still have to follow.
    if (status === undefined || status === 'unknown') return;
    if (fault.leaves !== undefined || fault.anyGeneration === true) return;
    const { hub } = await this.#site.observe();
    const name = hub === undefined ? 'unknown' : generationOf(this.#site.peace, 'hub', hub);
    const said = status === 'changed' ? this.#target.name : this.#old.name;
    if (name !== said) this.#notes.blame([`vxfleet says ${status}, and the hub's file is ${name}`]);
  }

  /** The fault's means away, and the next deploy: it must converge, whatever was left. */
  async repair(): Promise<void> {
    const { fault, point } = this.#plan;
    const notes = this.#notes;
    await fault.undo?.(this.#site);
    if (fault.leaves === 'files' && notes.left.length > 0) {
      const problems = await this.#poll(graceFromNow(), this.#allowance, () => true, 'undone');
      notes.blame(problems.map(({ text }) => `after the disk was back: ${text}`));
    }
    if (point?.needs === 'refusal') await this.#site.shell('spoke', 'ip xfrm policy flush');
    const deploy = await this.#site.deploy(this.#target);
    notes.evidence['repair.out'] = deploy.stdout + deploy.stderr;
    if (deploy.code !== 0) notes.blame([`the next deploy ended with ${String(deploy.code)}: ${reasonOf(deploy)}`]);
    const verify = await this.#site.verify(this.#target);
    notes.evidence['verify.out'] = verify.stdout + verify.stderr;
    if (verify.code !== 0) notes.blame([`verify after it ended with ${String(verify.code)}`]);
    const repaired: Allowance = { generations: [this.#target.name], stagedAt: [] };
    const problems = await this.#poll(graceFromNow(), repaired, () => true, 'repaired');
    notes.blame(problems.map(({ text }) => `after the next deploy: ${text}`));
    this.#site.current = deploy.code === 0 && problems.length === 0 ? this.#target : undefined;
  }

  /** Until nothing that matters is wrong, or the time is over; what is wrong then. */
  async #poll(
    limit: number,
    allowance: Allowance,
    matters: (problem: Problem) => boolean,
    title: string,
  ): Promise<Problem[]> {
    for (;;) {
      const { problems, snapshots } = await this.#site.judge(allowance);
      const wrong = problems.filter(matters);
      if (wrong.length === 0 || Date.now() >= limit) {
        this.#notes.keepSnapshots(title, snapshots);
        return wrong;
      }
      await sleep(POLL_MS);
    }
  }

  result(losses: readonly string[], seconds: number): CaseOutcome {
    const notes = this.#notes;
    if (this.#plan.fault.costsBystanders !== true) notes.blame(losses);
    const { recap, code } = this.#outcome ?? {};
    const ending = recap?.tunnels[0]?.status ?? (code === null ? 'killed' : `exit ${String(code)}`);
    return {
      plan: this.#plan,
      verdict: notes.verdict(this.#wasReached),
      violations: notes.violations,
      left: notes.left,
      ending: `${this.#old.name}→${this.#target.name}: ${ending}`,
      seconds,
      evidence: notes.evidence,
    };
  }
}

/** @param ownPort the new generation must be one that a firewall can tell from the old one */
function pickTarget(site: Site, old: KnownGeneration, ownPort: boolean, random: Random): KnownGeneration {
  return random.pick(
    site.peace.generations.filter(({ name, dstport }) => name !== old.name && !(ownPort && dstport === old.dstport)),
  );
}

const isAboutTunnel = ({ kind }: Problem): boolean => kind !== 'remains';

const graceFromNow = (): number => Date.now() + GRACE_SECONDS * 1000;

const sleepUntil = (time: number): Promise<void> => sleep(Math.max(0, time - Date.now()));

const reasonOf = ({ recap, stderr }: DeployOutcome): string => recap?.tunnels[0]?.error?.message ?? stderr.trim();
