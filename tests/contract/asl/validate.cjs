// Validates state machines: one definition per line of stdin, one JSON list of findings per line of stdout.
const readline = require("node:readline");

// asl-validator makes an Ajv, and compiles its schemas, for every definition: a fifth of a second each. The same
// Ajv gives the same findings.
const ajv = require("ajv");
const Ajv = ajv.default;
let kept;
ajv.default = function (options) {
  if (kept) kept.addKeyword = () => kept; // it has them all
  return (kept ??= new Ajv(options));
};

const validate = require("asl-validator");

// It writes into what it is given, so every line is parsed for itself.
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { errors } = validate(JSON.parse(line), { checkPaths: true, checkArn: true });
  process.stdout.write(JSON.stringify(errors) + "\n");
});
