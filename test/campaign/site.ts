/** A lab for the campaign: a hub, the spoke whose tunnel is changed again and again, and two whose tunnels stay as they are. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabImage } from '../../src/lab/lab-state.js';
import { ENDS, type End } from '../../src/plan/plan.js';
import { startLab, type Outcome, type TestLab } from '../lab/harness.js';
import { watchBystanders, type Bystanders } from './bystanders.js';
import { startDeploy, type DeployOutcome, type DisturbedDeploy } from './disturbed-deploy.js';
import { listGenerations, writeGeneration, type Generation, type KnownGeneration } from './generations.js';
import { parseSnapshot, SNAPSHOT_SCRIPT, type HostSnapshot } from './host-snapshot.js';
import { judge, type Allowance, type Peace, type Problem, type Snapshots } from './judge.js';
import type { Point } from './points.js';

/** Spokes of a generated lab by id; the third is in policy mode and so has rules, too. */
const SPOKES = ['tokyo', 'osaka', 'lisbon'];
const VERIFY_SECONDS = 4;

export class Site {
  readonly lab: TestLab;
  /** The spoke under test. */
  readonly spoke: string;
  readonly interface: string;
  readonly windowSeconds: number;
  readonly directory: string;
  readonly #id: number;
  readonly #inventory: string;
  #peace: Peace | undefined;
  /** What both ends ran when last seen in order. */
  current: KnownGeneration | undefined;

  private constructor(lab: TestLab, id: number, inventory: string, directory: string, windowSeconds: number) {
    this.lab = lab;
    this.spoke = SPOKES[id - 1] ?? '';
    this.interface = `vxlan0${id}`;
    this.windowSeconds = windowSeconds;
    this.directory = directory;
    this.#id = id;
    this.#inventory = inventory;
  }

  /**
   * Starts the lab, and deploys every generation once to learn how it looks in peace.
   * @param policy whether the tunnel under test is one in policy mode
   */
  static async start(name: string, image: LabImage, policy: boolean, windowSeconds: number): Promise<Site> {
    const lab = await startLab(name, { spokes: SPOKES.length, images: [{ image }] });
    try {
      const directory = join(lab.scratch, 'campaign');
      await mkdir(directory, { recursive: true });
      const inventory = await readFile(lab.inventoryPath, 'utf8');
      const site = new Site(lab, policy ? 3 : 1, inventory, directory, windowSeconds);
      await site.#learn();
      return site;
    } catch (error) {
      // Nobody else knows of it yet.
      await lab.down();
      throw error;
    }
  }

  get peace(): Peace {
    if (this.#peace === undefined) throw new Error('the site has not been learnt yet');
    return this.#peace;
  }

  async #learn(): Promise<void> {
    const all = await this.lab.run(['deploy']);
    if (all.code !== 0) throw new Error(`the first deploy failed: ${all.stdout}${all.stderr}`);
    const generations: KnownGeneration[] = [];
    for (const generation of listGenerations(this.#id)) {
      const { code, stdout } = await this.deploy(generation);
      if (code !== 0) throw new Error(`generation ${generation.name} could not be deployed: ${stdout}`);
      const { hub, spoke } = await this.observe();
      const digestOf = (snapshot: HostSnapshot | undefined): string => snapshot?.files.get(this.interface) ?? '';
      generations.push({ ...generation, digests: { hub: digestOf(hub), spoke: digestOf(spoke) } });
    }
    this.current = generations.at(-1);
    const peaceful = await this.observe();
    const eachEnd = <T>(of: (end: End) => T): Record<End, T> => ({ hub: of('hub'), spoke: of('spoke') });
    this.#peace = {
      interface: this.interface,
      generations,
      rules: eachEnd((end) => peaceful[end]?.rules ?? []),
      otherFiles: eachEnd(
        (end) => new Map([...(peaceful[end]?.files ?? [])].filter(([file]) => file !== this.interface)),
      ),
    };
  }

  /** The inventory file with the tunnel in this generation. */
  async inventoryOf(generation: Generation, templates?: string): Promise<string> {
    const path = join(this.directory, `${generation.name}${templates === undefined ? '' : '-broken'}.yaml`);
    const header = templates === undefined ? '' : `templates: ${templates}\n`;
    await writeFile(path, header + writeGeneration(this.#inventory, this.#id, generation));
    return path;
  }

  /** Starts a deploy of the tunnel under test. */
  async startDeploy(inventory: string, point?: Point): Promise<DisturbedDeploy> {
    const times = ['--window', `${this.windowSeconds}`, '--verify-timeout', `${VERIFY_SECONDS}`];
    return startDeploy(this.lab.name, ['deploy', this.spoke, '-i', inventory, ...times], point);
  }

  async deploy(generation: Generation): Promise<DeployOutcome> {
    return (await this.startDeploy(await this.inventoryOf(generation))).ended;
  }

  async verify(generation: Generation): Promise<Outcome> {
    return this.lab.run(['verify', this.spoke, '-i', await this.inventoryOf(generation), '--verify-timeout', '4']);
  }

  hostOf(end: End): string {
    return end === 'hub' ? 'hub' : this.spoke;
  }

  /** A shell script on an end's host; `$1` is the tunnel's interface. */
  async shell(end: End, script: string): Promise<Outcome> {
    return this.lab.exec(this.hostOf(end), ['sh', '-c', script, 'campaign', this.interface]);
  }

  async observe(): Promise<Snapshots> {
    const peers = { hub: `2001:db8:ae0${this.#id}::1`, spoke: `2001:db8:ae00:0:${this.#id}::1` };
    const [hub, spoke] = await Promise.all(
      ENDS.map(async (end) => {
        const argv = ['sh', '-c', SNAPSHOT_SCRIPT, 'campaign', this.interface, peers[end]];
        // A host that is being rebooted has no processes to enter.
        const outcome = await this.lab.exec(this.hostOf(end), argv).catch(() => undefined);
        return outcome?.code === 0 ? parseSnapshot(outcome.stdout) : undefined;
      }),
    );
    return { hub, spoke };
  }

  async judge(allowance: Allowance): Promise<{ readonly problems: Problem[]; readonly snapshots: Snapshots }> {
    const snapshots = await this.observe();
    return { problems: judge(this.peace, snapshots, allowance), snapshots };
  }

  async watchBystanders(): Promise<Bystanders> {
    const others = SPOKES.flatMap((name, index) => (name === this.spoke ? [] : [`2001:db8:ae0${index + 1}::1`]));
    return watchBystanders(this.lab, others);
  }

  async down(): Promise<void> {
    await this.lab.down();
  }
}
