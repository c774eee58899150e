import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pairs import write_pairs
from test_faults import until


def test_help_needs_no_torch_and_half_a_second():
    code = (
        "import sys; sys.argv = ['seqgen', '--help']\nfrom seqgen.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'sentencepiece', 'sacrebleu'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("train", "translate", "score", "info", "fetch"):
        assert command in done.stdout


def test_translate_reads_arguments_stdin_and_files_alike(run, tiny_bundle, tmp_path):
    lines = ["a dog", "", "big red cat"]
    by_argument = run("translate", "--model", tiny_bundle, *lines).stdout
    assert by_argument.count("\n") == 3
    assert (
        run("translate", "--model", tiny_bundle, text="\n".join(lines) + "\n").stdout == by_argument
    )
    (tmp_path / "in.txt").write_text("\n".join(lines))
    run("translate", "--model", tiny_bundle, "--input", tmp_path / "in.txt", "--output",
        tmp_path / "new" / "out.txt")  # fmt: skip
    assert (tmp_path / "new" / "out.txt").read_text() == by_argument


def test_json_lines_carry_tokens_scores_and_alignments(run, tiny_bundle):
    done = run("translate", "--model", tiny_bundle, "--json", "--n-best", 2, "a dog", "cat")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert line["source_tokens"][-1] == "</s>"
        scores = [hypothesis["score"] for hypothesis in line["hypotheses"]]
        assert len(scores) == 2 and scores == sorted(scores, reverse=True)
        for hypothesis in line["hypotheses"]:
            count = len(hypothesis["tokens"]) + hypothesis["finished"]
            assert len(hypothesis["token_log_probs"]) == len(hypothesis["alignment"]) == count
            assert sum(hypothesis["token_log_probs"]) == pytest.approx(hypothesis["log_prob"])


def test_sampling_repeats_with_its_seed(run, tiny_bundle):
    def sample(seed):
        options = ("--temperature", 2, "--seed", seed, "--n-best", 3)
        return run("translate", "--model", tiny_bundle, *options, "a big dog").stdout

    assert sample(1) == sample(1) != sample(2)


def test_a_closed_pipe_is_no_error(tiny_bundle):
    command = f"{sys.executable} -m seqgen translate --model {tiny_bundle} | head -1"
    text = "a dog\n" * 9000
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_score_bleu_prints_signature_interval_and_comparison(run, tmp_path):
    good = [f"the cat number {i} sat on the mat" for i in range(30)]
    for name, lines in {
        "reference": good,
        "system": good[:20] + ["nothing at all like it"] * 10,
        "other": ["nothing at all like it"] * 30,
    }.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    done = run("score", "bleu", tmp_path / "reference", tmp_path / "reference")
    assert done.stdout.startswith("BLEU 100.00 [100.00, 100.00]  n = 30  nrefs:1|")
    done = run("score", "bleu", tmp_path / "system", tmp_path / "reference", "--against",
               tmp_path / "other")  # fmt: skip
    assert "p = 0.00" in done.stdout


def test_score_likelihood_agrees_with_the_search(run, tiny_bundle, tmp_path):
    done = run("translate", "--model", tiny_bundle, "--json", "a big dog")
    best = json.loads(done.stdout)["hypotheses"][0]
    (tmp_path / "source").write_text("a big dog\n")
    (tmp_path / "target").write_text(best["text"] + "\n")
    done = run("score", "likelihood", "--model", tiny_bundle, tmp_path / "source",
               tmp_path / "target")  # fmt: skip
    assert float(done.stdout) == pytest.approx(best["log_prob"], abs=1e-3)
    assert "perplexity" in done.stderr


def test_info_describes_and_verifies(run, tiny_bundle):
    done = run("info", tiny_bundle, "--verify")
    assert "parameters" in done.stdout and "5 of 5 outputs" in done.stdout


def test_train_stop_resume_translate(run, refused, tmp_path):
    train, valid = (write_pairs(tmp_path, name, 60, seed=1) for name in ("train", "valid"))
    (tmp_path / "settings.toml").write_text(
        "[data.source]\nvocab_size = 40\n"
        "[model.encoder_options]\nembedding_dim = 16\nhidden_dim = 16\n"
        "[model.decoder]\nembedding_dim = 16\nhidden_dim = 16\n"
        "[training]\nmax_epochs = 90\nprecision = 'float32'\n"
    )
    files = [
        "--train-source", train[0], "--train-target", train[1],
        "--valid-source", valid[0], "--valid-target", valid[1],
    ]  # fmt: skip
    command = ["train", "translate", *files, "--config", tmp_path / "settings.toml", "--out",
               tmp_path / "out", "--max-epochs", 3, "--set", "training.warmup=5"]  # fmt: skip
    done = run(*command)
    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert settings["training"]["max_epochs"] == 3 and settings["training"]["warmup"] == 5
    assert "epoch 3" in done.stderr and "bleu" in done.stderr
    assert "already holds a training" in refused(*command)
    run("train", "translate", "--out", tmp_path / "out", "--resume")
    assert "give --out alone" in refused("train", "translate", "--out", tmp_path / "out",
                                         "--resume", "--seed", 2)  # fmt: skip
    assert run("translate", "--model", tmp_path / "out", "a dog").stdout


def test_an_interrupt_saves_and_says_how_to_go_on(warm, tmp_path):
    train, valid = (write_pairs(tmp_path, name, 60, seed=1) for name in ("train", "valid"))
    child = warm.start(
        "train", "translate", "--out", tmp_path / "out",
        "--train-source", train[0], "--train-target", train[1],
        "--valid-source", valid[0], "--valid-target", valid[1],
        "--set", "data.source.vocab_size=40", "--set", "model.decoder={hidden_dim=16}",
        "--set", "model.encoder_options={hidden_dim=16}", "--max-epochs", 100000,
    )  # fmt: skip
    until((tmp_path / "out/last").exists)
    child.send(signal.SIGINT)
    assert child.wait() == 130
    assert "go on with: seqgen train translate --out" in child.errors.strip().splitlines()[-1]


def test_mistakes_are_one_line(refused, tiny_bundle, tmp_path):
    (tmp_path / "bytes").write_bytes(b"fine\nnot \xff fine\n")
    (tmp_path / "one").write_text("a\n")
    (tmp_path / "two").write_text("a\nb\n")
    (tmp_path / "broken.toml").write_text("[training\n")
    (tmp_path / "unknown.toml").write_text("[training]\nlearning_rat = 1\n")
    model = ("--model", tiny_bundle)
    train = ("train", "translate", "--out", tmp_path / "out")
    pair = ("--train-source", tmp_path / "one", "--train-target", tmp_path / "two",
            "--valid-source", tmp_path / "one", "--valid-target", tmp_path / "one")  # fmt: skip
    cases = {
        ("translate", "--model", tmp_path / "no"): "does not exist",
        ("translate", *model, "--input", tmp_path / "no"): "does not exist",
        ("translate", *model, "--input", tmp_path): "is a folder",
        ("translate", *model, "--input", tmp_path / "bytes"): "line 2: is not UTF-8 at byte 9",
        ("translate", *model, "--beam-size", 0, "a"): "size = 0",
        ("translate", *model, "--batch-size", 0, "a"): "--batch-size",
        ("translate", *model, "--input", tmp_path / "one", "a"): "both given",
        ("score", "bleu", tmp_path / "one", tmp_path / "two"): "2",
        ("score", "likelihood", *model, tmp_path / "one", tmp_path / "two"): "1 sources",
        ("info", tmp_path): "is no model",
        (*train,): "train_source is not given",
        (*train, *pair): "2",
        (*train, "--config", tmp_path / "broken.toml"): "is not TOML",
        (*train, "--config", tmp_path / "unknown.toml"): "did you mean 'learning_rate'?",
        (*train, "--learning-rate", -1): "learning_rate",
        (*train, "--resume"): "holds no training",
        (*train, "--set", "training.precision='int3'"): "float32",
        ("fetch", "everything", tmp_path): "everything",
        ("translate", "--modle", "x"): "No such option",
        ("translate", "a dog"): "--model",
        ("translate", *model, "--beam-size", "five"): "--beam-size",
        ("nothing",): "nothing",
    }
    for arguments, message in cases.items():
        assert message in refused(*arguments), arguments
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").rglob("*.part"))


def test_no_arguments_show_the_help():
    command = [sys.executable, "-m", "seqgen"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "Commands:" in done.stderr


def test_an_unwritable_output_is_one_line(refused, tiny_bundle, tmp_path):
    (tmp_path / "file").write_text("")
    target = Path(tmp_path, "file", "out.txt")
    line = refused("translate", "--model", tiny_bundle, "--output", target, "a dog")
    assert "cannot be written" in line
    assert os.listdir(tmp_path) == ["file"]
