"""What would traffic look like? A seed in, realistic flow logs in AWS's layout out.

A `Config` goes in, text objects under ``AWSLogs/…`` come out, and a `Summary` counts records, files and packed bytes.
The same config gives the same bytes, however many threads work; another number of files gives the same records, cut
elsewhere.

The network is one VPC over three zones: load balancers, NAT gateways, a bastion, web, app and database tiers, and a
staging subnet under Block Public Access. Three findings are planted in every set (`hostile`):

* 203.0.113.66 tries SSH passwords: refused by the web tier, let in by the bastion;
* 198.51.100.23 scans the ports of one web server, and two of its flows are accepted;
* the last app server asks database servers for ports it may not use, all day, and is always refused.
"""

from vpcflow.generate.config import Config
from vpcflow.generate.generate import Summary, generate

__all__ = ["Config", "Summary", "generate"]
