// Lines of code of the examples that are others' tutorials, beside the originals': one rule for
// both. A line counts that is not blank, no comment and no import. Of the originals what shows
// pictures, reads the command line, draws pages or keeps a web log is left out, since ours do not;
// both counts are given. The originals: a folder with their repositories' files, OWNER/NAME/PATH.
//   node scripts/tutorial-lines.mjs [FOLDER] [--write]      --write: the table of docs/cookbook.md
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const pytorch = "pytorch/tutorials/beginner_source";
const tfjs = "tensorflow/tfjs-examples";
const unet = "milesial/Pytorch-UNet";
const shown = /imshow|make_grid|plt\.|dataiter|visualize_model\(|^print\(' '|GroundTruth|Predicted/;
const commandLine = /[aA]rgument|argparse|args = |parser\b|get_args|console\.log\(`Saved/;
/** What an example of ours is beside, and at which lines of theirs a part begins that is not. */
const tutorials = [
  {
    what: "MNIST",
    ours: "12-mnist",
    theirs: "PyTorch's basic example",
    files: ["pytorch/examples/mnist/main.py"],
    apart: [commandLine, /log_interval|dry_run|use_accel|device = |no_accel|__main__/],
  },
  {
    what: "MNIST",
    ours: "12-mnist",
    theirs: "TensorFlow.js's mnist-node",
    files: ["main.js", "model.js", "data.js"].map((name) => `${tfjs}/mnist-node/${name}`),
    apart: [commandLine],
  },
  {
    what: "CIFAR-10",
    ours: "13-cifar10",
    theirs: "PyTorch's “Training a classifier”",
    files: [`${pytorch}/blitz/cifar10_tutorial.py`],
    apart: [shown, /^device|^print\(device|^del |^outputs = |^_, predicted/],
  },
  {
    what: "Transfer learning, pictures",
    ours: "22-fine-tuning",
    theirs: "PyTorch's “Transfer learning for computer vision”",
    files: [`${pytorch}/transfer_learning_tutorial.py`],
    apart: [shown, /^inputs, classes|cudnn|ax\./],
  },
  {
    what: "Transfer learning, digits",
    ours: "21-transfer-learning",
    theirs: "TensorFlow.js's mnist-transfer-cnn",
    files: ["index.js", "loader.js", "util.js"].map((name) => `${tfjs}/mnist-transfer-cnn/${name}`),
    apart: [/ui\.|tfVis|prepTestExamples|predict\(|setupMnist|textToImage|imageToText|console\./],
  },
  {
    what: "Custom layer: the layer itself",
    ours: "20-custom-layer",
    part: /^const antirectifier/,
    theirs: "TensorFlow.js's custom-layer (whose network is not trained)",
    files: [`${tfjs}/custom-layer/custom_layer.js`],
    apart: [],
  },
  {
    what: "Segmentation U-Net",
    ours: "23-unet",
    theirs: "milesial/Pytorch-UNet",
    files: [
      ...["train.py", "evaluate.py", "unet/unet_parts.py", "unet/unet_model.py"],
      ...["utils/dice_score.py", "utils/data_loading.py"],
    ].map((name) => `${unet}/${name}`),
    apart: [commandLine, /logging|wandb|experiment|histograms|tqdm|pbar|assert |use_checkpointing/],
  },
];

const indent = (line) => line.length - line.trimStart().length;
/** Code without comments, docstrings and imports, one line an entry. */
function codeOf(text, isPython) {
  const bare = isPython
    ? text.replace(/("""|''')[\s\S]*?\1/g, "").replace(/^\s*#.*$/gm, "")
    : text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return bare
    .replace(isPython ? /^(import|from) .*$/gm : /^import [^;]*;/gm, "")
    .replace(/^const .* = require\(.*$/gm, "")
    .split("\n")
    .filter((line) => line.trim() !== "");
}
/** Without the parts that begin at such a line: it, what is farther in, and its closing line. */
function without(lines, patterns) {
  const kept = [];
  for (let i = 0; i < lines.length; i++) {
    if (!patterns.some((pattern) => pattern.test(lines[i]))) {
      kept.push(lines[i]);
      continue;
    }
    const depth = indent(lines[i]);
    while (i + 1 < lines.length && indent(lines[i + 1]) > depth) i++;
    const closes = i + 1 < lines.length && indent(lines[i + 1]) === depth;
    if (closes && /^\s*[)\]}]/.test(lines[i + 1])) i++;
  }
  return kept;
}
function linesOfOurs({ ours, part }) {
  const path = new URL(`../examples/${ours}.ts`, import.meta.url);
  const lines = codeOf(readFileSync(path, "utf8"), false);
  return part ? lines.length - without(lines, [part]).length : lines.length;
}
function linesOfTheirs(folder, { files, apart }) {
  const parts = files.map((file) =>
    codeOf(readFileSync(`${folder}/${file}`, "utf8"), /py$/.test(file)),
  );
  const count = (all) => all.reduce((sum, lines) => sum + lines.length, 0);
  return [count(parts), count(parts.map((lines) => without(lines, apart)))];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const [folder] = positionals;
const rows = tutorials.map((tutorial) => {
  const { what, ours, theirs } = tutorial;
  const counts = folder ? linesOfTheirs(folder, tutorial) : ["", ""];
  const link = `[${ours}](../examples/${ours}.ts)`;
  return `| ${[what, link, linesOfOurs(tutorial), theirs, ...counts].join(" | ")} |`;
});
const head = "| tutorial | here | lines | there | lines | of them of the same subject |";
const table = [head, "|---|---|---|---|---|---|", ...rows].join("\n");
console.log(table);
if (values.write && folder) {
  const page = new URL("../docs/cookbook.md", import.meta.url);
  const text = readFileSync(page, "utf8");
  const marks = /(<!-- tutorial lines -->\n)[\s\S]*?(<!-- end -->)/;
  writeFileSync(
    page,
    text.replace(marks, (_, from, to) => `${from}${table}\n${to}`),
  );
}
