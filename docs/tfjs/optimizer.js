// TensorFlow.js behind freqopt's protocol (docs/crosscheck.md): one of its optimizers on one table.
//
//   npm install @tensorflow/tfjs@4.22.0
//   freqopt crosscheck --exec 'node docs/tfjs/optimizer.js adagrad' --rule adagrad --dtype float32 \
//     --dialect rows=all,epsilon=1e-7,epsilon_place=inside,initial_accumulator=0.1
//
// The package is looked for from the current folder upwards, as `npm install` leaves it. What each
// optimizer means is in optimizers.json, from which docs/agreement.md has its rows.

const { createRequire } = require("node:module");
const readline = require("node:readline");
const tf = createRequire(process.cwd() + "/")("@tensorflow/tfjs");

// Each optimizer: how it is made from the options of its rule, and what it has to have as it is.
const OPTIMIZERS = {
  sgd: { make: (o) => tf.train.sgd(o.lr), told: [], fixed: { rows: "all" } },
  momentum: {
    make: (o) => tf.train.momentum(o.lr, o.momentum, o.nesterov),
    told: ["momentum", "nesterov"],
    fixed: { rows: "all" },
  },
  adagrad: {
    make: (o) => tf.train.adagrad(o.lr, o.initial_accumulator),
    told: ["initial_accumulator"],
    fixed: { rows: "all", epsilon: 1e-7, epsilon_place: "inside" },
  },
  rmsprop: {
    make: (o) => tf.train.rmsprop(o.lr, o.rho, o.momentum, o.epsilon, o.centered),
    told: ["rho", "momentum", "epsilon", "centered"],
    fixed: { rows: "all", epsilon_place: "inside", rate_place: "inside" },
  },
  adam: {
    make: (o) => tf.train.adam(o.lr, o.beta1, o.beta2, o.epsilon),
    told: ["beta1", "beta2", "epsilon"],
    fixed: { rows: "all" },
  },
};

// A float is hexadecimal, as C writes it: -0x1.8p+3.
function number(word) {
  const parts = /^(-?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?p([+-]?\d+)$/i.exec(word);
  if (!parts) return Number(word); // a whole number, nan or inf
  const [, sign, whole, fraction = "", power] = parts;
  const digits = parseInt(whole + fraction, 16); // at most 53 bits, so exact
  return (sign ? -1 : 1) * digits * 2 ** (Number(power) - 4 * fraction.length);
}

function value(word) {
  if (word === "true" || word === "false") return word === "true";
  const found = number(word);
  return Number.isNaN(found) ? word : found;
}

// 9 digits name a float32; nan and inf in C's spelling.
const C_NAMES = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };
const shown = (x) => C_NAMES[x] ?? x.toPrecision(9);

async function main(optimizer) {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const read = async () => ((await lines.next()).value ?? "").split(" ");
  const { make, told, fixed } = optimizer;
  while ((await read())[0] === "freqopt-crosscheck") {
    const options = {};
    let strange = "", words;
    while ((words = await read())[0] !== "table") {
      const [kind, name, word] = words;
      if (kind === "dtype" && name !== "float32") strange = name;
      if (kind !== "default" && kind !== "option") continue;
      options[name] = value(word);
      const mine = name === "lr" || told.includes(name);
      if (name in fixed ? options[name] !== fixed[name] : kind === "option" && !mine) strange = name;
    }
    const [size, width] = words.slice(1).map(Number);
    const table = [];
    for (let row = 0; row < size; row++) table.push((await read()).map(number));
    if (strange) {
      console.log(`unsupported ${strange}`);
      continue;
    }
    const weights = tf.tensor2d(table, [size, width], "float32").variable();
    const made = make(options);
    console.log("ready");
    while ((words = await read())[0] === "step") {
      const total = tf.buffer([size, width], "float32");
      for (let left = Number(words[2]); left > 0; left--) {
        const [row, ...grad] = (await read()).map(number);
        grad.forEach((g, column) => total.set(total.get(row, column) + g, row, column));
      }
      made.applyGradients({ [weights.name]: total.toTensor() });
      const after = weights.arraySync();
      console.log([`step ${words[1]} ${size}`, ...after.map((w, row) => [row, ...w.map(shown)].join(" "))].join("\n"));
    }
    weights.dispose();
    made.dispose();
  }
}

const chosen = OPTIMIZERS[process.argv[2]];
if (chosen) main(chosen);
else {
  console.error(`no optimizer is called ${process.argv[2]}; known: ${Object.keys(OPTIMIZERS).join(", ")}`);
  process.exit(1);
}
