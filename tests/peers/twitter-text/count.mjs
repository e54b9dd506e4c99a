// Counts each text of a list with twitter-text: node count.mjs TEXTS.json >COUNTS.json
// PEER_HOME says where install.sh put it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.PEER_HOME}/twitter-text/`);
const { parseTweet } = require("twitter-text");

const texts = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log(JSON.stringify(texts.map((text) => parseTweet(text).weightedLength)));
