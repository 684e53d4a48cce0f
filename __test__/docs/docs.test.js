'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');

const ts = require('typescript');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { BUNDLERS } = require('../../scripts/bundlers.js');

const { makeCertificate } = require('../helpers/certificate.js');
const { run } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { startCommand } = require('../helpers/command.js');
const { proxyTo, startPostgres, startRedis } = require('../helpers/database.js');
const { nameServer } = require('../helpers/dnsmasq.js');
const { shell } = require('../helpers/namespace.js');
const { skip } = require('../helpers/skip.js');
const { listening, refusedPort, slotServer } = require('../helpers/slot-server.js');
const { NO_USING, parsesUsing } = require('../helpers/syntax.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const ROOT = path.resolve(__dirname, '../..');
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** A Callosum server that sends back what it gets, where it is told to listen. */
async function echoServer(where) {
  const server = net.createServer((socket) => socket.pipe(socket));
  giveSlots(server);
  await listening(server, where);
  return server.address().port;
}

/** The port of a slot server that does this. */
async function portOf(options) {
  return (await slotServer(options)).port;
}

/** The port of a slot server in front of a database. */
async function portBefore(start, test) {
  const { path, stop } = await start(test);
  cleanup(stop);
  return portOf({ greeting: '0\r\n', then: proxyTo(path) });
}

/** The port of a name server that knows what docs/dns.md says. */
async function nameServerPort(test) {
  const { address, serve } = await nameServer(test);
  const addresses = ['127.0.0.1', '127.0.0.2'].map((ip) => `host-record=slots.test,${ip}`);
  await serve([...addresses, 'srv-host=_slots._tcp.test,localhost,4060']);
  return address.split(':')[1];
}

/**
 * What the examples count on, as the top of docs/rover.md says it: the port or the path in the example, and
 * what makes such a server and gives the true port or path.
 *
 * @param {Mocha.Context} test
 */
function standIns(test) {
  let certificate;
  const certified = () => (certificate ??= makeCertificate(test));
  const web = () => http.createServer((_request, response) => response.end('hello'));
  const secure = () => tls.createServer(certified(), (socket) => socket.on('error', () => {}).resume());
  const handTo = (server) => ({ then: (socket) => server.emit('connection', socket) });
  return {
    4040: () => echoServer(),
    4041: () => echoServer(),
    4042: refusedPort,
    4043: () => portOf({ greeting: 'SSH-2.0-OpenSSH_9.2\r\n' }),
    4044: () => portOf({ greeting: '' }),
    4045: () => portOf({ greeting: '', then: 'close' }),
    4046: () => portOf({ greeting: '20\r\n' }),
    4050: refusedPort,
    5353: () => nameServerPort(test),
    5432: () => portBefore(startPostgres, test),
    6379: () => portBefore(startRedis, test),
    8080: () => portOf(handTo(web())),
    8443: () => portOf(handTo(secure())),
    8444: () => portOf(handTo(https.createServer(certified(), (_request, response) => response.end('hello')))),
    'ca.pem': () => certified().file,
    'key.pem': () => certified().keyFile,
    '/run/slots.sock': async () => {
      const where = temporaryDirectory()('slots.sock');
      await echoServer({ path: where });
      return where;
    },
  };
}

/** The example with all that it counts on made, and the true ports and paths put in. */
async function staged(code, test) {
  for (const [name, make] of Object.entries(standIns(test))) {
    const occurrence = new RegExp(`(?<!\\w)${name.replace('.', '\\.')}(?!\\w)`, 'g');
    if (occurrence.test(code)) code = code.replaceAll(occurrence, await make());
  }
  return code;
}

/** The blocks of JavaScript in a page: what to call each, and its code. */
function examplesOf(page) {
  const blocks = read(page).matchAll(/^```(js|mjs)\n(.*?)^```$/gms);
  return Array.from(blocks, ({ index, input, 1: language, 2: code }) => ({
    name: `line ${input.slice(0, index).split('\n').length}, under "${/.*^#+ (.*?)$/ms.exec(input.slice(0, index))[1]}"`,
    code,
    isModule: language === 'mjs',
  }));
}

/** What a program says that it prints. */
function promisedBy(program) {
  return Array.from(program.matchAll(/\/\/ Prints: (.*)$/gm), ([, line]) => `${line}\n`).join('');
}

/** Runs an example, with few descriptors, until it ends or has printed what it promised. */
async function play({ code, isModule }, test, { isEndless = false } = {}) {
  const program = await staged(code, test);
  const promised = promisedBy(program);
  const options = {
    isEnough: (stdout) => isEndless && stdout.startsWith(promised),
    prefix: shell('ulimit -n 256'),
  };
  assert.notEqual(promised, '');
  return { ...(await run([...(isModule ? ['--input-type=module'] : []), '-e', program], options)), promised };
}

describe('the example of the rover in the README', () => {
  const [, , example, ...others] = examplesOf('README.md');

  it('prints what it says, and roves on', async function () {
    assert.deepEqual(others, [], 'README.md has an example that nothing runs: see quick-start.test.js for the first two');
    const { signal, stdout, stderr, promised } = await play(example, this, { isEndless: true });
    assert.deepEqual({ signal, stdout, stderr }, { signal: 'SIGKILL', stdout: promised, stderr: '' });
  });
});

/** A page whose programs run for longer than their output shows: see quick-start.test.js. */
const PLAYED = 'docs/quick-start.md';

/** All other pages that have examples. */
const EXECUTED = fs
  .readdirSync(path.join(ROOT, 'docs'))
  .map((name) => `docs/${name}`)
  .filter((file) => file.endsWith('.md') && file !== PLAYED && examplesOf(file).length > 0);

for (const page of EXECUTED) {
  describe(`the examples of ${page}`, () => {
    for (const example of examplesOf(page)) {
      it(`${example.name} print what they say, and end`, async function () {
        this.timeout(60_000);
        if (/\busing /.test(example.code) && !parsesUsing()) return skip(this, NO_USING);
        const { code, signal, stdout, stderr, promised } = await play(example, this);
        assert.deepEqual({ code, signal, stdout, stderr }, { code: 0, signal: null, stdout: promised, stderr: '' });
      });
    }
  });
}

/** What a line looks like in which … is anything. */
function patternOf(line) {
  const parts = line.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

describe('the examples of docs/command.md', () => {
  const examples = Array.from(read('docs/command.md').matchAll(/^```console\n\$ callosum (.*)\n([^]*?)^```$/gm));

  it('are there', () => assert.notEqual(examples.length, 0));

  for (const [, args, printed] of examples) {
    it(`callosum ${args} prints what it says`, async function () {
      const [command, ...lines] = (await staged(`${args}\n${printed}`, this)).trimEnd().split('\n');
      const { nextLine } = startCommand(command.split(' '));
      for (const line of lines) assert.match(await nextLine(), patternOf(line));
    });
  }
});

/** The files in a folder of the package and in those below it. Node 20.0 cannot read them all at once. */
function filesIn(folder) {
  const entries = fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(name) : [name];
  });
}

describe('docs/server.md, docs/dns.md, docs/pool.md, docs/http.md and docs/command.md', () => {
  for (const [page, file, types] of [
    ['docs/server.md', 'server.d.ts', ['SlotOptions', 'DrainOptions']],
    ['docs/dns.md', 'dns.d.ts', ['FollowOptions', 'FollowerEvents']],
    ['docs/pool.md', 'pool.d.ts', ['PoolOptions', 'PoolEvents']],
    ['docs/http.md', 'http.d.ts', ['OwnAgentOptions']],
  ]) {
    it(`describe each option and event of ${file}`, () => {
      for (const type of types) {
        const [, body] = new RegExp(`^export type ${type} = \\{\n(.*?)^\\};`, 'ms').exec(read(file));
        const names = Array.from(body.matchAll(/^ {4}(\w+)\??:/gm), ([, name]) => name);
        assert.ok(names.length > 0, type);
        for (const name of names) assert.match(read(page), new RegExp(`^ +- \`${name}\` \`<|^### Event: \`'${name}'\``, 'm'), name);
      }
    });
  }

  for (const command of ['demo', 'slots', 'top']) {
    it(`describe each option of callosum ${command}`, () => {
      const { options } = require(`../../lib/cli/${command}`);
      const [, section] = new RegExp(`^## .callosum ${command}.\n(.*?)^## `, 'ms').exec(read('docs/command.md'));
      for (const name of Object.keys(options)) assert.match(section, new RegExp(`^- \`--${name}[ \`]`, 'm'), name);
    });
  }
});

describe('docs/rover.md', () => {
  const page = read('docs/rover.md');

  /** The members of the class and of the types in its namespace, by the name of class or type. */
  function declaredMembers() {
    const source = ts.createSourceFile('index.d.ts', read('index.d.ts'), ts.ScriptTarget.Latest);
    const members = (node) => (node.members ?? node.type?.members ?? []).map(({ name }) => name?.getText(source));
    return Object.fromEntries(
      source.statements
        .flatMap((node) => (ts.isModuleDeclaration(node) ? [...node.body.statements] : node))
        .filter((node) => ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node))
        .map((node) => [node.name.text, members(node).filter((name) => name !== undefined)]),
    );
  }

  const { ClientRover: own, Channels, Events: events, Options, ServerOptions, ServerStats, Stats } = declaredMembers();

  for (const [kind, names] of Object.entries({ Options, ServerOptions, Stats })) {
    it(`describes each member of ${kind}, and has it in an example`, () => {
      assert.ok(names.length > 5, `${names}`);
      const code = examplesOf('docs/rover.md').map((example) => example.code).join('\n');
      for (const name of names) {
        assert.match(page, new RegExp(`^ *- (.*, )?\`${name}\` \`<`, 'm'), name);
        if (kind !== 'Stats') assert.match(code, new RegExp(`\\b${name}\\b`), name);
      }
    });
  }

  it('has a heading for each event, property and method', () => {
    assert.ok(own.length > 8 && events.length === 6, `${own} ${events}`);
    for (const name of events) assert.match(page, new RegExp(`^### Event: \`'${name}'\`$`, 'm'));
    for (const name of own) {
      const heading = `### \`rover${name.startsWith('[') ? '' : '.'}${name}`;
      assert.ok(page.includes(heading), heading);
    }
  });

  it('describes what is counted of a server, and each channel (rows 46 and 47)', () => {
    assert.ok(ServerStats.length === 13 && Channels.length === 6, `${ServerStats} ${Channels}`);
    for (const name of ServerStats) assert.match(page, new RegExp(`^ *- (.*, )?\`${name}\`.* \`<`, 'm'), name);
    for (const name of Channels) assert.ok(page.includes(`\n| \`${name.slice(1, -1)}\` |`), name);
  });

  it('names each error code of the package', () => {
    // The subpaths have pages of their own.
    const sources = filesIn('lib').filter((file) => !/^lib\/(cli|dns|http|pool|server)\//.test(file)).map(read);
    // Those that it compares with are others' codes.
    const codes = new Set(sources.join('\n').match(/(?<!=== )'ERR_\w*[A-Z]'/g).map((code) => code.slice(1, -1)));
    assert.ok(codes.size > 5);
    for (const code of codes) assert.match(page, new RegExp(`^(#+ |\\| )\`${code}\``, 'm'), code);
  });

  it('gives the defaults that are in force', () => {
    const ClientRover = require('../..');
    const defaultOf = (name) => new RegExp(`\`${name}\` \`<.*?\\*\\*Default:\\*\\* \`(.*?)\``, 's').exec(page)[1];
    const { MAX_SLOT, ROVING_INTERVAL } = new ClientRover();
    assert.equal(defaultOf('ROVING_INTERVAL'), String(ROVING_INTERVAL));
    assert.equal(defaultOf('MAX_SLOT'), String(MAX_SLOT));
    const typed = read('index.d.ts');
    for (const name of ['CONNECT_TIMEOUT', 'SLOT_TIMEOUT', 'MAX_PENDING']) {
      const [, value] = new RegExp(`Default: (\\d+)\\.\\s+\\*/\\s+${name}\\?`).exec(typed);
      assert.equal(defaultOf(name), value, name);
    }
  });
});

describe('docs/bundling.md', () => {
  const page = read('docs/bundling.md');
  const names = Object.keys(BUNDLERS);

  it('has a recipe for each bundler that npm run test:bundlers tries, and no other (row 36)', () => {
    assert.deepEqual(Array.from(page.matchAll(/^## (.*)$/gm), ([, heading]) => heading), names);
  });

  it('has a row for each, with what it needs', () => {
    const rows = Array.from(page.matchAll(/^\| \[(.*?)\]\(.*?\) \| .+ \|$/gm), ([, name]) => name);
    assert.deepEqual(rows, names);
  });
});

/** The rows of the tables of figures, by how they begin, and the case of the benchmark that each is of. */
const FIGURES = {
  'README.md': {
    'kept, by IP': 'kept-ip',
    'kept, by `localhost`': 'kept-localhost',
    'refused, by IP': 'refused-ip',
    'refused, by `localhost`': 'refused-localhost',
    'rejected by a full pool': 'rejected',
    'refused, 100,000 servers': 'servers-100000',
  },
  'bench/README.md': {
    'refused, started at 1 ms': 'started-refused',
    'refused, 10 servers': 'servers-10',
    'memory of an attempt': 'pending',
    'latency of a single rove, p50, by IP': 'latency-ip',
    'latency of a single rove, p50, by `localhost`': 'latency-localhost',
    'main thread blocked': 'blocked',
    '1,000 rovers': 'rovers-1000',
    'memory of a rover': 'rovers-1000',
    '`require` |': 'require',
    '`require`, a rover, and its first attempt': 'startup',
    'HTTP requests': 'http',
    'the same: requests': 'http',
  },
};

for (const [page, ROWS] of Object.entries(FIGURES)) describe(`the figures of ${page}`, () => {
  const { cases } = JSON.parse(read('bench/results.json'));
  const [, section] = /^## (?:Performance|Other figures)\n(.*?)^## /ms.exec(read(page));

  /** All that a case of the benchmark says: medians, those in thousands, and ratios either way. */
  const valuesOf = (name) =>
    Object.values(cases.find((one) => one.name === name).figures).flatMap(({ contestants, ratio = 1 }) => [
      ...Object.values(contestants).flatMap(({ median }) => [median, median / 1000]),
      ...[ratio, 1 / ratio],
    ]);
  const isRounded = (number, value) => [2, 3, 4, 5, 6].some((digits) => Number(value.toPrecision(digits)) === number);

  for (const [beginning, name] of Object.entries(ROWS)) {
    it(`are those of bench/results.json: ${beginning}`, () => {
      const row = section.split('\n').find((line) => line.startsWith(`| ${beginning}`));
      const cells = row.split('|').slice(2).join('|');
      const numbers = Array.from(cells.matchAll(/\d[\d,.]*/g), ([text]) => Number(text.replaceAll(',', '')));
      const values = valuesOf(name);
      assert.ok(numbers.length > 1, row);
      assert.deepEqual(numbers.filter((number) => !values.some((value) => isRounded(number, value))), [], row);
    });
  }

  it('are all compared', () => {
    const rows = section.split('\n').filter((line) => /^\| \S.*\d/.test(line) && !line.startsWith('| per rove'));
    assert.equal(rows.length, Object.keys(ROWS).length);
  });
});

describe('the charts', () => {
  for (const [chart, results, file] of [
    ['bench/chart.js', 'bench/results.json', 'bench/results.svg'],
    ['bench/fleet/chart.js', 'bench/fleet/results.json', 'docs/comparison.svg'],
  ]) {
    it(`are what ${chart} draws of ${results}`, () => {
      const { draw } = require(`../../${chart}`);
      assert.ok(draw(JSON.parse(read(results))) === read(file), `${file} is stale`);
    });
  }

  it('say what their dashed line is, and have the CPU of the process beside that of the main thread', () => {
    const chart = read('bench/results.svg');
    const panels = Array.from(chart.matchAll(/<text x="(\d+)" y="(\d+)" class="heading">(.*?)</g), ([, x, y, title]) => ({ x, y, title }));
    assert.deepEqual(panels.map(({ title }) => title), ['Main thread', 'Whole process']);
    assert.equal(panels[0].y, panels[1].y);
    assert.match(chart, />Dashed, for scale: /);
  });
});
