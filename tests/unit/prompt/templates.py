"""A tokenizer that knows bytes only, and chat templates that do what real ones do."""

from tokenizers import Tokenizer, models, pre_tokenizers


def byte_tokenizer() -> Tokenizer:
    """One token for each byte of UTF-8."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


PLAIN = """{% for m in messages %}[{{ m.role }}]{{ m.content }}
{% endfor %}
{%- if add_generation_prompt %}[assistant]{% endif %}"""

LLAMA = """{{ bos_token }}[system]Today: {{ strftime_now("%d %b %Y") }}
{% for tool in tools or [] %}{{ tool | tojson(indent=4) }}

{% endfor %}
{%- for m in messages %}
{%- if m.role == "tool" %}[ipython]{{ m.content | tojson }}
{%- elif m.tool_calls %}
{%- for call in m.tool_calls %}{% set f = call.function -%}
[assistant]{"name": "{{ f.name }}", "parameters": {{ f.arguments | tojson }}}
{%- endfor %}
{%- else %}[{{ m.role }}]{{ m.content | trim }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}[assistant]{% endif %}"""
