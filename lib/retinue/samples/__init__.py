"""Data to try things on: a clickstream, rated texts, made-up follows and ads, and a world of known truth.

What the small world holds, and where an analysis must find it (`world.truth` and the truth frames):

browsing      Which session each event belongs to (`event_sessions`, `sessions`), with equal times, gaps of
              exactly 30 minutes inside sessions, and sessions 30 minutes and a microsecond apart.
              One session, the last visitor's last, is still open when the data end.
searches      Every search with the word that was meant. Sessions of kind `fruitless` are those by the
              rule of serious shoppers who search in vain and leave; the other troubled kinds miss that
              rule by one condition each, and by a margin. A frustrated person meets more of both.
bots          Two visitors beside the others: one names itself, one is only too quick.
orders        A purchase each; who buys the first product of `basket_rule` mostly takes the second too.
people        Who leaves follows `churn_drivers` (coefficients of a logistic model over columns of `people`);
              the columns of `churn_noise` have no part in it. Who has left comes no more in the last 40%
              of the days.
follows       Communities with few ties between them; each tie closes on the closer ones first, so that
              late ties can be foretold from early ones. One influencer is followed from everywhere.
posts         Themes, each with its words, of which a post names two, and moods (`post_labels`); on `alert_on`
              a burst of complaints about one theme; a text pasted by a dozen accounts within the hour. One
              brand repeats its `slogan` in what it says itself and is answered in anger; who says `echo` is
              liked and shared more.
shares        Posts with `share_of` and without words, and so without labels. Who follows somebody passes on
              what that one posts or passes on from then on, with the chance `sharing_rate`; so most of the
              largest cascades are the influencer's, who writes more than others. share_count counts them and
              the shares elsewhere, of which the influencer's posts have most.
touches       Intent drives both the exposure to `harvesting_channel` and the conversion: that channel earns
              nothing, a random held-out group that never sees it shows so. `channel_effects` are the true
              gains in log-odds of a conversion.

A quiet world has the same people without the influencer, the alert, the pasted text, the slogan, the echo,
the basket rule and any effect of a channel. A post there names words of any theme side by side, and people
pass on any post at any time, whoever wrote it: an analysis must find none of it.
"""

from retinue.samples.banners import made_up_ads
from retinue.samples.follows import made_up_follows
from retinue.samples.public import conversion_paths, ecommerce, rated_texts
from retinue.samples.world import SmallWorld, Truth, small_world

__all__ = [
    "SmallWorld",
    "Truth",
    "conversion_paths",
    "ecommerce",
    "made_up_ads",
    "made_up_follows",
    "rated_texts",
    "small_world",
]
