/** One change that is disturbed: the fault at its point, the hosts' verdict in time, and the next deploy. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, CaseResult } from './case.js';
import type { DeployOutcome, DisturbedDeploy } from './disturbed-deploy.js';
import type { Fault, Scene } from './fault.js';
import type { KnownGeneration } from './generations.js';
import { generationOf, type Allowance, type Problem } from './judge.js';
import { createRandom, type Random } from './random.js';
import type { Site } from './site.js';

/** A controller whose line was cut waits for its own timeouts: the longest step, and the end of a session. In seconds. */
const CONTROLLER_SECONDS = 180;
/** What the issue gives the hosts beyond the window, in seconds. */
const GRACE_SECONDS = 10;
const POLL_MS = 300;

export async function runCase(site: Site, plan: Case): Promise<CaseResult> {
  const started = performance.now();
  const run = new CaseRun(site, plan);
  await run.disturb();
  await run.judgeHosts();
  await run.repair();
  return run.result(Math.round((performance.now() - started) / 100) / 10);
}

class CaseRun {
  readonly #site: Site;
  readonly #plan: Case;
  readonly #old: KnownGeneration;
  readonly #target: KnownGeneration;
  readonly #random: Random;
  readonly #violations: string[] = [];
  readonly #left: string[] = [];
  readonly #evidence: Record<string, string> = {};
  #controller: DisturbedDeploy | undefined;
  #outcome: DeployOutcome | undefined;
  #bystanders: Awaited<ReturnType<Site['watchBystanders']>> | undefined;
  #wasReached = false;
  /** When the hosts' time began. */
  #since = 0;

  constructor(site: Site, plan: Case) {
    if (site.current === undefined) throw new Error('the site is not in order');
    this.#site = site;
    this.#plan = plan;
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
    this.#bystanders = await this.#site.watchBystanders();
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
    const policy = `src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport ${this.#target.dstport} dir in action block`;
    await this.#site.shell('spoke', `ip xfrm policy add ${policy}`);
  }

  async #demandState(): Promise<void> {
    const { problems, snapshots } = await this.#site.judge(this.#allowance);
    this.#keepSnapshots('stopped', snapshots);
    this.#blame(problems.filter(({ kind }) => kind !== 'remains').map(({ text }) => `while it was stopped: ${text}`));
  }

  /** Waits for the hosts, as long as the contract gives them, and for the controller. */
  async judgeHosts(): Promise<void> {
    const { fault } = this.#plan;
    const limit = this.#since + (fault.settleSeconds ?? this.#site.windowSeconds + GRACE_SECONDS) * 1000;
    const controller = this.#controller;
    if (controller === undefined) return;
    await Promise.race([controller.ended, sleepUntil(limit)]);
    this.#accept(await this.#poll(limit, (problem) => problem.kind !== 'remains', 'settled'));
    this.#outcome = await this.#awaitEnd(controller);
    this.#evidence['deploy.out'] = this.#outcome.stdout + this.#outcome.stderr;
    const limitOfRemains = Math.max(limit, Date.now() + GRACE_SECONDS * 1000);
    this.#accept(await this.#poll(limitOfRemains, () => true, 'ended'));
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
    this.#blame([`the controller did not end within ${CONTROLLER_SECONDS} s`]);
    controller.signal('SIGKILL');
    return controller.ended;
  }

  /** What vxfleet says must be what is so. */
  async #compareWithReport(): Promise<void> {
    const { fault } = this.#plan;
    const status = this.#outcome?.recap?.tunnels[0]?.status;
    if (fault.leaves !== undefined || fault.anyGeneration === true) return;
    const { hub } = await this.#site.observe();
    const name = hub === undefined ? 'unknown' : generationOf(this.#site.peace, 'hub', hub);
    const said = status === 'changed' ? this.#target.name : status === 'unknown' ? undefined : this.#old.name;
    if (status !== undefined && said !== undefined && name !== said)
      this.#blame([`vxfleet says ${status}, and the hub's file is ${name}`]);
  }

  /** Until nothing that matters is wrong, or the time is over; what is wrong then. */
  async #poll(limit: number, matters: (problem: Problem) => boolean, title: string): Promise<Problem[]> {
    for (;;) {
      const { problems, snapshots } = await this.#site.judge(this.#allowance);
      const wrong = problems.filter(matters);
      if (wrong.length === 0 || Date.now() > limit) {
        this.#keepSnapshots(title, snapshots);
        return wrong;
      }
      await sleep(POLL_MS);
    }
  }

  /** What the contract leaves to the next deploy is no violation unless that deploy does not put it right. */
  #accept(problems: readonly Problem[]): void {
    const { leaves } = this.#plan.fault;
    const isLeft = ({ kind }: Problem): boolean => leaves !== undefined && LEFT[leaves].includes(kind);
    this.#left.push(...problems.filter(isLeft).map(({ text }) => text));
    this.#blame(problems.filter((problem) => !isLeft(problem)).map(({ text }) => text));
  }

  /** The fault's means away, and the next deploy: it must converge, whatever was left. */
  async repair(): Promise<void> {
    const { fault, point } = this.#plan;
    await fault.undo?.(this.#site);
    if (fault.leaves === 'files' && this.#left.length > 0) {
      const limit = Date.now() + GRACE_SECONDS * 1000;
      this.#blame(
        (await this.#poll(limit, () => true, 'undone')).map(({ text }) => `after the disk was back: ${text}`),
      );
    }
    if (point?.needs === 'refusal') await this.#site.shell('spoke', 'ip xfrm policy flush');
    const outcome = await this.#site.deploy(this.#target);
    this.#evidence['repair.out'] = outcome.stdout + outcome.stderr;
    if (outcome.code !== 0) this.#blame([`the next deploy ended with ${String(outcome.code)}: ${reasonOf(outcome)}`]);
    const { code, stdout, stderr } = await this.#site.verify(this.#target);
    this.#evidence['verify.out'] = stdout + stderr;
    if (code !== 0) this.#blame([`verify after it ended with ${String(code)}`]);
    const left = await this.#judgeRepair();
    this.#blame(left.map(({ text }) => `after the next deploy: ${text}`));
    const losses = (await this.#bystanders?.stop()) ?? [];
    if (fault.costsBystanders !== true) this.#blame(losses);
    this.#site.current = outcome.code === 0 && left.length === 0 ? this.#target : undefined;
  }

  /** Sessions may take a moment to close. */
  async #judgeRepair(): Promise<Problem[]> {
    const allowance: Allowance = { generations: [this.#target.name], stagedAt: [] };
    const limit = Date.now() + GRACE_SECONDS * 1000;
    for (;;) {
      const { problems, snapshots } = await this.#site.judge(allowance);
      if (problems.length > 0 && Date.now() < limit) {
        await sleep(POLL_MS);
        continue;
      }
      this.#keepSnapshots('repaired', snapshots);
      return problems;
    }
  }

  #keepSnapshots(title: string, snapshots: Awaited<ReturnType<Site['observe']>>): void {
    for (const [end, snapshot] of Object.entries(snapshots))
      this.#evidence[`${title}.${end}`] = snapshot?.text ?? 'no answer';
  }

  #blame(texts: readonly string[]): void {
    for (const text of texts) if (!this.#violations.includes(text)) this.#violations.push(text);
  }

  result(seconds: number): CaseResult {
    const { recap, code } = this.#outcome ?? {};
    const ending = recap?.tunnels[0]?.status ?? (code === null ? 'killed' : `exit ${String(code)}`);
    const verdict =
      this.#violations.length > 0
        ? 'violation'
        : !this.#wasReached
          ? 'missed'
          : this.#left.length > 0
            ? 'repaired'
            : 'ok';
    return {
      plan: this.#plan,
      verdict,
      violations: this.#violations,
      left: [...new Set(this.#left)],
      ending: `${this.#old.name}→${this.#target.name}: ${ending}`,
      seconds,
      evidence: this.#evidence,
    };
  }
}

/** @param ownPort the new generation must be one that a firewall can tell from the old one */
function pickTarget(site: Site, old: KnownGeneration, ownPort: boolean, random: Random): KnownGeneration {
  return random.pick(
    site.peace.generations.filter(({ name, dstport }) => name !== old.name && !(ownPort && dstport === old.dstport)),
  );
}

/** What each of the allowances covers. */
const LEFT: Readonly<Record<NonNullable<Fault['leaves']>, readonly Problem['kind'][]>> = {
  files: ['state', 'remains'],
  tunnel: ['tunnel', 'state'],
  everything: ['tunnel', 'state', 'remains'],
};

const sleepUntil = (time: number): Promise<void> => sleep(Math.max(0, time - Date.now()));

const reasonOf = ({ recap, stderr }: DeployOutcome): string => recap?.tunnels[0]?.error?.message ?? stderr.trim();
